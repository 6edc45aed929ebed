import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { readConfig } from '#infra/config/config.ts';
import { createLog } from '#infra/telemetry/log.ts';
import { SystemClock } from '#infra/time/clock.ts';
import { explain } from '../system/explain.ts';
import { startSystem } from '../system/system.ts';
import { createAdmin } from './create-admin.ts';

const USAGE = `npm run admin -- create <e-mail address>
Makes an administrator who can sign in, against the peers that the environment names; again for one who exists sets a new password.
The password is ADMIN_PASSWORD, or one that is made up and printed once.`;

async function main(): Promise<void> {
  const { positionals } = parseArgs({ allowPositionals: true });
  const [verb, email] = positionals;
  if (verb !== 'create' || email === undefined || positionals.length > 2) throw new Error(USAGE);
  const given = process.env['ADMIN_PASSWORD'];
  const password = given ?? `${randomBytes(18).toString('base64url')}-aA1`;
  const config = readConfig(process.env);
  const system = await startSystem({
    // It only sends commands: nothing is served and no engine runs.
    config: { ...config, roles: new Set() },
    log: createLog(config.log.level, 'admin'),
    clock: new SystemClock(),
  });
  try {
    const userId = await createAdmin(system, { email, password });
    console.log(`${email} is an administrator, with the user id ${userId}.`);
    if (given === undefined) console.log(`Password: ${password}`);
  } finally {
    await system.stop();
  }
}

try {
  await main();
} catch (error) {
  console.error(explain(error));
  process.exitCode = 1;
}
process.exit();
