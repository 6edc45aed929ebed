import { describe, expect, it } from '@jest/globals';
import { explain } from './explain.ts';

describe('Why a program cannot start', () => {
  it('is told without a stack, each reason once', () => {
    const locked = new Error('Another event store is running on data/eventstore.');
    expect(explain(new AggregateError([locked, new Error('Postgres did not start.'), locked], 'several'))).toBe(
      'Another event store is running on data/eventstore.\nPostgres did not start.',
    );
  });
  it('names the port that is taken and what to do', () => {
    expect(explain(Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE', port: 3000 }))).toContain('Port 3000 is taken');
  });
  it('tells the cause too', () => {
    expect(explain(new Error('The store does not answer', { cause: new Error('connection refused') }))).toBe(
      'The store does not answer\nconnection refused',
    );
  });
});
