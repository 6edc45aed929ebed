/**
 * What our HTTP edge costs by itself: requests per second of a handler that does nothing, bare on Fastify and behind the edge, interleaved.
 * `BENCH_SECONDS` is the length of a round (default 3), `BENCH_ROUNDS` their number (default 5), `BENCH_IN_FLIGHT` the connections (default 64).
 */
import 'reflect-metadata';
import { Controller, Module, Post } from '@nestjs/common';
import { z } from 'zod';
import { uuid } from '#domain/kernel/ids.ts';
import { postChatMessage } from '#domain/matching/chat-channel.ts';
import { Body, commandAnswer, Endpoint, Params } from '#infra/http/endpoint.ts';
import { newId } from '#infra/http/new-id.ts';
import { startLoader } from './http-loader.ts';
import { idleServer, ourServer, type BenchServer } from './http-servers.ts';
import { interleaved, printTable, ratio, type Sample } from './measure.ts';

const seconds = Number(process.env['BENCH_SECONDS'] ?? 3);
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 5);
const inFlight = Number(process.env['BENCH_IN_FLIGHT'] ?? 64);
const text = 'Could we go through question seven again? I got as far as the second step and then lost the sign.';

const channel = z.object({ id: uuid });
const message = postChatMessage.data.omit({ channelId: true });
const declared = { summary: 'Take a message, and do nothing.', params: channel, body: message, response: commandAnswer };

/** Declared as the product's endpoint for chat messages is; and once open to anyone, which is validation without a token. */
@Controller()
class IdleController {
  @Post('open/channels/:id/messages')
  @Endpoint({ ...declared, actors: 'anyone' })
  open(@Params() { id }: z.output<typeof channel>, @Body() _message: z.output<typeof message>) {
    return Promise.resolve({ id, revision: 1, position: '1' });
  }

  @Post('channels/:id/messages')
  @Endpoint({ ...declared, actors: ['student'], rate: 'strict' })
  post(@Params() { id }: z.output<typeof channel>, @Body() _message: z.output<typeof message>) {
    return Promise.resolve({ id, revision: 1, position: '1' });
  }
}

@Module({ controllers: [IdleController] })
class Idle {}

const loader = startLoader();
const [bare, ours] = [await idleServer(), await ourServer(Idle, newId())];
function loaded(server: BenchServer, under = ''): () => Promise<Sample> {
  const paths = Array.from({ length: inFlight }, () => [`${under}/channels/${newId()}/messages`]);
  return () => loader.load(server, { paths, body: { text }, seconds });
}

try {
  // The same requests, token and all, for the bare handler: reading their bytes is no work of ours.
  const samples = await interleaved(
    {
      'bare Fastify': loaded({ ...bare, headers: ours.headers }),
      'our edge, no token': loaded({ ...ours, headers: {} }, '/open'),
      'our edge, token': loaded(ours),
    },
    rounds,
  );
  process.stdout.write(`POST of a message to a handler without work, ${inFlight} at once, ${rounds} rounds of ${seconds} s\n`);
  printTable(samples);
  const ratios = {
    openEdgeToBareFastify: ratio(samples['our edge, no token'], samples['bare Fastify']),
    edgeToBareFastify: ratio(samples['our edge, token'], samples['bare Fastify']),
  };
  process.stdout.write(`${JSON.stringify({ bench: 'http', inFlight, ...ratios })}\n`);
} finally {
  await loader.stop();
  await Promise.all([bare.close(), ours.close()]);
}
