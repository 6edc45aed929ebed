import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { serve } from './node/serve.ts';
import { backup } from './tools/backup.ts';
import { dump } from './tools/dump.ts';
import { load } from './tools/load.ts';
import { verify } from './tools/verify.ts';

const usage = `An EventStoreDB-compatible server for one machine, on 127.0.0.1.

  npm run eventstore -- --port 2113 --dir ./data/events     serve; --port 0 takes a free port
  npm run eventstore -- verify --dir DIR                     read everything and check it
  npm run eventstore -- backup --dir DIR --to DIR            copy it, also while it is served
  npm run eventstore -- dump --dir DIR [--to FILE]           write all events as lines of JSON
  npm run eventstore -- load --from FILE --url esdb://...    append a dump to any EventStoreDB
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    port: { type: 'string', default: '2113' },
    dir: { type: 'string', default: './data/events' },
    to: { type: 'string' },
    from: { type: 'string' },
    url: { type: 'string' },
    help: { type: 'boolean', default: false },
    memory: { type: 'boolean', default: false },
    'i-know-this-is-not-a-cluster': { type: 'boolean', default: false },
  },
});

/** @throws Error that says which option is missing */
function required(name: 'to' | 'from' | 'url'): string {
  const value = values[name];
  if (value === undefined) throw new Error(`--${name} is missing.\n\n${usage}`);
  return value;
}

const commands: Readonly<Record<string, () => Promise<void> | void>> = {
  async serve() {
    if (process.env['NODE_ENV'] === 'production' && !values['i-know-this-is-not-a-cluster']) {
      throw new Error(
        'This is one process on one disk. To run it with NODE_ENV=production all the same, add --i-know-this-is-not-a-cluster.',
      );
    }
    const port = Number(values.port);
    if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error('--port must be a number from 0 to 65535.');
    await serve({ port, dir: values.dir, inMemory: values.memory });
  },
  verify() {
    const { faults, ...counts } = verify(values.dir);
    console.log(JSON.stringify({ ...counts, faults: faults.length }));
    for (const fault of faults) console.log(fault);
    if (faults.length > 0) process.exitCode = 1;
  },
  backup() {
    const target = required('to');
    backup(values.dir, target);
    console.log(`copied to ${target}`);
  },
  async dump() {
    const target = values.to === undefined ? process.stdout : createWriteStream(values.to);
    await pipeline(Readable.from(dump(values.dir)), target, { end: values.to !== undefined });
  },
  async load() {
    const lines = createInterface({ input: createReadStream(required('from')), crlfDelay: Infinity });
    console.log(JSON.stringify(await load(lines, required('url'))));
  },
};

try {
  const command = commands[positionals[0] ?? 'serve'];
  if (values.help || !command) console.log(usage);
  else await command();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
