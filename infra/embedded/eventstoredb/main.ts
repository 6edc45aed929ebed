import { parseArgs } from 'node:util';
import { serve } from './node/serve.ts';

const usage = `Usage: npm run eventstore -- --port 2113 --dir ./data/events [--i-know-this-is-not-a-cluster]`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '2113' },
      dir: { type: 'string', default: './data/events' },
      memory: { type: 'boolean', default: false },
      'i-know-this-is-not-a-cluster': { type: 'boolean', default: false },
    },
  });
  if (process.env['NODE_ENV'] === 'production' && !values['i-know-this-is-not-a-cluster']) {
    throw new Error(
      'This is one process on one disk. To run it with NODE_ENV=production all the same, add --i-know-this-is-not-a-cluster.',
    );
  }
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`--port must be a number from 0 to 65535.\n${usage}`);
  await serve({ port, dir: values.dir, inMemory: values.memory });
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
