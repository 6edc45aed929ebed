import { describe, expect, it } from '@jest/globals';
import { Progress } from './progress.ts';

/** Progress towards position 10,000 on a screen that writes down what it is shown, at times that a spec sets. */
function shown(screen: { isTTY?: boolean; columns?: number }) {
  const said: string[] = [];
  const clock = { seconds: 0 };
  const progress = new Progress({
    name: 'payments.ledger',
    target: 10_000n,
    screen: { ...screen, write: (text: string) => said.push(text) },
    now: () => clock.seconds * 1_000,
  });
  const at = (seconds: number): Progress => {
    clock.seconds = seconds;
    return progress;
  };
  return { said, at };
}

describe('Progress', () => {
  it('is a bar on a terminal, with the rate of events and the remaining time, which fits the line and leaves nothing behind', () => {
    const { said, at } = shown({ isTTY: true, columns: 100 });
    at(0).stage('filling', -1n);
    at(1).moved(1_000n, 400);
    at(1.05).moved(1_050n, 20);
    at(2).moved(5_000n, 1_580);
    at(3).stage('comparing', 10_000n);
    at(3).end();
    expect(said).toEqual([
      '\rpayments.ledger [..............................] 0 %, 0 events/s\u001b[K',
      '\rpayments.ledger [###...........................] 10 %, 400 events/s, 0:09 left\u001b[K',
      '\rpayments.ledger [###############...............] 50 %, 1,000 events/s, 0:02 left\u001b[K',
      '\rpayments.ledger [###############...............] comparing\u001b[K',
      '\r\u001b[K',
    ]);
    const narrow = shown({ isTTY: true, columns: 45 });
    narrow.at(0).stage('filling', 5_000n);
    narrow.at(0).end();
    expect(narrow.said[0]).toBe('\rpayments.ledger [####.....] 50 %, 0 events/s\u001b[K');
  });

  it('is a line for each stage and every five seconds elsewhere', () => {
    const { said, at } = shown({});
    at(0).stage('filling', 2_000n);
    for (let second = 1; second <= 11; second++) at(second).moved(BigInt(2_000 + 100 * second), 50);
    at(12).stage('following', 10_000n);
    for (let tries = 0; tries < 12; tries++) {
      at(13 + tries / 4).stage('swapping', 10_000n);
      at(13 + tries / 4).stage('waiting', 10_000n);
    }
    at(20).end();
    expect(said).toEqual([
      'payments.ledger: filling, going on at 2000\n',
      'payments.ledger: 25 %, 50 events/s, 1:15 left\n',
      'payments.ledger: 30 %, 50 events/s, 1:10 left\n',
      'payments.ledger: following the log\n',
      'payments.ledger: swapping\n',
      'payments.ledger: waiting for the serving table, which is behind or in use\n',
    ]);
  });

  it('forgets how fast it was before it was held back', () => {
    const { said, at } = shown({});
    at(0).stage('filling', 0n);
    at(1).moved(5_000n, 50_000);
    at(60).moved(5_000n, 0);
    at(66).moved(5_100n, 60);
    expect(said.slice(1)).toEqual(['payments.ledger: 50 %, 0 events/s\n', 'payments.ledger: 51 %, 10 events/s, 4:54 left\n']);
  });

  it('is complete for a log that holds nothing', () => {
    const said: string[] = [];
    const progress = new Progress({ name: 'x', target: -1n, screen: { isTTY: true, write: (text) => said.push(text) }, now: () => 0 });
    progress.stage('filling', -1n);
    progress.end();
    expect(said[0]).toContain('100 %');
  });
});
