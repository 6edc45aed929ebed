import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { AppProcess } from './app-process.ts';
import { EventTail } from './event-tail.ts';
import { money } from './lesson.ts';
import { Operator } from './operator.ts';
import { play, type Ending, type Variant } from './story.ts';

const USAGE = `npm run demo                    the whole story: register, meet, book, pay, have the lesson, be paid
npm run demo -- --declined      the card is declined; the booking fails and nothing is owed
npm run demo -- --lost-slot     the time is lost after payment; the money goes back in full
         --once                 stop after the story: exit code 0 only if every step and the ledger held
         --dir <folder>         where the data lives (default ./data); a second run on the same data works`;

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      declined: { type: 'boolean', default: false },
      'lost-slot': { type: 'boolean', default: false },
      once: { type: 'boolean', default: false },
      dir: { type: 'string', default: process.env['CHALKSTREAM_DATA'] ?? 'data' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return true;
  }
  const variant: Variant = values.declined ? 'declined' : values['lost-slot'] ? 'lost-slot' : 'lesson';
  const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]).then(() => 'interrupted' as const);

  console.log('Starting: an event store, Postgres, Stripe, mail, files and log-in, all on this machine ...');
  // A story asks faster than a person; its limits are the only thing that is not as in production.
  const app = await AppProcess.start(values.dir, { RATE_LIMIT_STRICT: '0' });
  try {
    const ending = await Promise.race([tell(variant, app), interrupted]);
    if (ending === 'interrupted') return false;
    report(ending);
    if (values.once) return ending.faults.length === 0;
    lookAround(app);
    await Promise.race([interrupted, app.exited()]);
    return ending.faults.length === 0;
  } finally {
    console.log('Stopping ...');
    await app.stop();
  }
}

async function tell(variant: Variant, app: AppProcess): Promise<Ending> {
  const { addresses } = app;
  const tail = new EventTail(addresses.eventStoreUrl);
  const begun = Date.now();
  const run = begun.toString(36);
  const operator = new Operator(() => addresses);
  console.log(`Up at ${addresses.publicUrl}; it is ${await operator.now()} for the business.\n`);
  let step = 0;
  try {
    const ending = await play(variant, { publicUrl: addresses.publicUrl, operator, run }, addresses.admin, async (sentence) => {
      console.log(`${String((step += 1)).padStart(2)}. ${sentence}`);
      for (const line of wrapped(counted(await tail.take()))) console.log(`      ${line}`);
    });
    console.log(`\n${step} steps in ${((Date.now() - begun) / 1000).toFixed(1)} s.`);
    return ending;
  } finally {
    await tail.close();
  }
}

/** `A, A, B` as `A x2, B`. */
function counted(events: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const event of events) counts.set(event, (counts.get(event) ?? 0) + 1);
  return [...counts].map(([event, count]) => (count === 1 ? event : `${event} x${count}`));
}

function wrapped(words: readonly string[]): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < 110) lines[lines.length - 1] = `${last}, ${word}`;
    else lines.push(word);
  }
  return lines;
}

function report({ title, ledger, faults }: Ending): void {
  console.log(`\n${faults.length === 0 ? title : 'Something does not hold'}.\n`);
  if (ledger !== undefined) {
    const line = (name: string, amount: number) => console.log(`  ${name.padEnd(26)}${money(amount, ledger.currency).padStart(14)}`);
    console.log('Ledger');
    line('charged to the student', ledger.chargedMinor);
    line('refunded to the student', ledger.refundedMinor);
    line('commission of the platform', ledger.commissionMinor);
    line('share of the tutor', ledger.tutorShareMinor);
    line('  of that transferred', ledger.paidOutMinor);
    line('left over', ledger.chargedMinor - ledger.refundedMinor - ledger.commissionMinor - ledger.tutorShareMinor);
  }
  for (const fault of faults) console.error(`  FAULT: ${fault}`);
}

function lookAround({ addresses }: AppProcess): void {
  const { publicUrl, internalUrl, outboxUrl, admin, environmentFile } = addresses;
  console.log(`
It stays up. Look around:
  ${publicUrl}/docs              the API; sign in with POST /auth/login
  ${publicUrl}/docs/asyncapi.json  events and WebSocket frames
  ${outboxUrl}      every mail that was sent
  ${internalUrl}/ready, /metrics    health and lag
  ${environmentFile}      the variables for npm run projections and npm run outbox
  administrator: ${admin.email}, password ${admin.password}
  the history of anything, as an administrator: GET ${publicUrl}/audit/LessonBooking/{id}/events
Ctrl-C stops everything.`);
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
process.exit();
