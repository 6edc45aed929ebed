import { describe, expect, it } from '@jest/globals';
import { event } from '../kernel/event.ts';
import { given } from '../kernel/given-when-then.ts';
import { miaAsksOkafor } from './connection-request.examples.ts';
import * as search from './search-session.ts';

const { searchSession } = search;
const searchId = '01939a00-0000-7000-8000-0000000000aa';
const asked = { searchId, searcherId: miaAsksOkafor.studentId, subject: 'mathematics', level: 'gcse', withWords: false };
const top = [{ tutorId: miaAsksOkafor.tutorId, score: 9050 }];
const executed = event(search.smartSearchExecuted, asked);
const failed = event(search.searchFailed, { searchId, reason: 'timeout' });

describe('Recording a search', () => {
  const recording = (...past: readonly search.SearchSessionEvent[]) =>
    given(searchSession, ...past).when(search.recordSearch, { ...asked, algorithmVersion: 'weighted-1', top, results: 1, tookMs: 12 });

  it('keeps what was asked, how it was ranked and what came of it', () =>
    recording().then(
      executed,
      event(search.tutorsRankedByAlgorithm, { searchId, algorithmVersion: 'weighted-1', top }),
      event(search.searchResultsGenerated, { searchId, results: 1, tookMs: 12 }),
    ));
  it('is nothing new the second time', () => recording(executed).alreadySo());
  it('has no field for the words searched for', () =>
    expect(
      search.recordSearch.data.parse({ ...asked, words: 'Mia', algorithmVersion: 'a', top, results: 1, tookMs: 1 }),
    ).not.toHaveProperty('words'));
});

describe('Recording a search that failed', () => {
  const recording = (...past: readonly search.SearchSessionEvent[]) =>
    given(searchSession, ...past).when(search.recordSearchFailure, { searchId, reason: 'timeout' });

  it('keeps why', () => recording().then(failed));
  it('is nothing new the second time', () => recording(failed).alreadySo());
  it('is nothing new after an answer', () => recording(executed).alreadySo());
});
