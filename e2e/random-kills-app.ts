import { once } from 'node:events';
import { readConfig } from '#infra/config/config.ts';
import { createLog } from '#infra/telemetry/log.ts';
import { MovableClock } from '#infra/time/clock.ts';
import { startSystem } from '../app/system/system.ts';

/** What the process is told: how far ahead of the machine's time it is for the business. Time is the only thing that is not as in production. */
export interface ClockMessage {
  readonly aheadMs: number;
}

const clock = new MovableClock(Number(process.env['CLOCK_AHEAD_MS'] ?? 0));
process.on('message', ({ aheadMs }: ClockMessage) => clock.advance(Math.max(0, aheadMs - clock.offset)));

const config = readConfig(process.env, process.argv.slice(2));
const system = await startSystem({ config, log: createLog(config.log.level, 'chalkstream'), clock });
process.send?.('ready');
// Also when the process that started this one has gone.
await Promise.race([once(process, 'SIGTERM'), once(process, 'disconnect')]);
await system.stop();
process.exit();
