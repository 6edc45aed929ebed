import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { v7 as uuidV7 } from 'uuid';
import { command, type Actor } from '#domain/kernel/command.ts';
import { followUpId } from '#domain/kernel/ids.ts';
import { StudentNotReady } from '#domain/matching/connection-request.ts';
import { after, ALGORITHM_VERSION, rank, type Ranked } from '#domain/matching/ranking.ts';
import { recordSearch, recordSearchFailure } from '#domain/matching/search-session.ts';
import { Commands } from '#infra/cqrs/commands.module.ts';
import type { Caller } from '#infra/http/endpoint.ts';
import { LOG } from '#infra/http/injection.ts';
import { Database } from '#infra/postgres/database.ts';
import { searchGate } from '#projections/matching/search-gate.ts';
import { viewOf } from '../rows.ts';
import { TUTOR_INDEX, type FoundTutor, type FoundTutors, type SearchWish, type TutorIndex } from './tutor-index.ts';

/** How many of the best are kept on record. */
const KEPT = 20;

export interface SearchPage {
  /** The last tutor of the page before: score and id. */
  readonly after?: readonly [number, string] | undefined;
  readonly limit: number;
}

export interface SearchAnswer {
  readonly searchId: string;
  readonly page: readonly Ranked<FoundTutor>[];
  readonly total: number;
  /** Whether more follows the page. */
  readonly more: boolean;
  /** Which index has answered. */
  readonly servedBy: FoundTutors['servedBy'];
}

/** Finds and ranks tutors. Each first page is recorded after the answer, as well as can be: a search is never slower or refused for it. */
@Injectable()
export class Searching {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(TUTOR_INDEX) private readonly index: TutorIndex,
    @Inject(Commands) private readonly commands: Commands,
    @Inject(LOG) private readonly log: Logger,
  ) {}

  /** Throws StudentNotReady for a student whose onboarding is not finished. */
  async search(wish: SearchWish, { after: place, limit }: SearchPage, caller: Caller): Promise<SearchAnswer> {
    await this.#mustBeReady(caller.actor);
    const searchId = uuidV7();
    const startedAt = performance.now();
    let found: FoundTutors;
    try {
      found = await this.index.find(wish, caller.minPosition);
    } catch (error) {
      if (place === undefined) void this.#record(command(recordSearchFailure, { searchId, reason: 'internal' }), searchId, caller);
      throw error;
    }
    const ranked = rank(found.tutors, { ...wish, withWords: wish.words !== undefined });
    const rest = place === undefined ? ranked : after(ranked, { score: place[0], tutorId: place[1] });
    if (place === undefined) this.#recordAnswer(wish, ranked, { searchId, tookMs: Math.round(performance.now() - startedAt), caller });
    return { searchId, page: rest.slice(0, limit), total: ranked.length, more: rest.length > limit, servedBy: found.servedBy };
  }

  async #mustBeReady({ role, userId }: Actor): Promise<void> {
    if (role !== 'student') return;
    const sql = `select 1 from ${viewOf(searchGate)} where key = $1`;
    if ((await this.database.query(sql, [userId], 'matching.search_gate')).length === 0) throw new StudentNotReady();
  }

  #recordAnswer(
    { words, subject, level, language, maximumRateMinor }: SearchWish,
    ranked: readonly Ranked<FoundTutor>[],
    { searchId, tookMs, caller }: { searchId: string; tookMs: number; caller: Caller },
  ): void {
    const top = ranked.slice(0, KEPT).map(({ candidate, score }) => ({ tutorId: candidate.tutorId, score }));
    const asked = { searchId, subject, level, language, maximumRateMinor, searcherId: caller.actor.userId, withWords: words !== undefined };
    const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)) as typeof asked;
    void this.#record(
      command(recordSearch, { ...given, algorithmVersion: ALGORITHM_VERSION, top, results: ranked.length, tookMs }),
      searchId,
      caller,
    );
  }

  async #record(message: Parameters<Commands['send']>[0], searchId: string, caller: Caller): Promise<void> {
    try {
      await this.commands.send(message, caller.commandContext({ commandId: followUpId('record search', searchId) }));
    } catch (error) {
      this.log.warn({ err: error, searchId }, 'a search was not recorded');
    }
  }
}
