import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Logger } from 'pino';
import { RedisFanOut } from '#infra/adapters/redis/redis-fan-out.ts';
import { Tickets } from '#infra/auth/tickets.ts';
import type { Config } from '#infra/config/config.ts';
import { Commands, CommandsModule } from '#infra/cqrs/commands.module.ts';
import { InProcessFanOut, type FanOut } from '#infra/fan-out/fan-out.ts';
import type { HttpServer } from '#infra/http/server.ts';
import { StoredAnswers } from '#infra/http/stored-answers.ts';
import { Aggregates } from '#infra/event-store/aggregates.ts';
import type { Check } from '#infra/telemetry/health.ts';
import { Metrics } from '#infra/telemetry/metrics.ts';
import type { Clock } from '#infra/time/clock.ts';
import { FrameStore } from '#realtime/frame-store.ts';
import { Gateway } from '#realtime/gateway.ts';
import { NoticeEngine } from '#realtime/notice-engine.ts';
import { notices } from '#realtime/notices.ts';
import { readModels } from '#projections/read-models.ts';
import { processManagerEngine, projectionEngine, tutorIndexFeeder } from './engines.ts';
import { layFoundation, type Foundation } from './foundation.ts';
import { backlogCounter, lagChecks, lagMetrics } from './lags.ts';
import { Listening, platformListensFor } from './listening.ts';
import { PlatformModule } from './platform.module.ts';
import { internalServer, publicServer, type Shared } from './servers.ts';
import { Vitals } from './vitals.ts';

/** A running process of the system. */
export interface System {
  readonly foundation: Foundation;
  readonly commands: Commands;
  /** Where the servers of this process listen; undefined for those it does not have. */
  readonly publicPort: number | undefined;
  readonly internalPort: number | undefined;
  /** Resolves when every read model has taken in the log up to now; false when that takes longer. */
  caughtUp(timeoutMs: number): Promise<boolean>;
  /** Ends what is under way and closes everything, servers first. */
  stop(): Promise<void>;
}

export interface SystemParts {
  readonly config: Config;
  readonly log: Logger;
  readonly clock: Clock;
  /** Modules that this process adds to its internal server. */
  readonly internalModules?: readonly (Type | DynamicModule)[];
}

/** Things that were started, to be stopped in the opposite order. */
class Started {
  readonly #stops: (() => Promise<void> | void)[] = [];

  add(stop: () => Promise<void> | void): void {
    this.#stops.push(stop);
  }

  async stop(): Promise<void> {
    const failures: unknown[] = [];
    for (const stop of this.#stops.reverse()) {
      try {
        await stop();
      } catch (error) {
        failures.push(error);
      }
    }
    this.#stops.length = 0;
    if (failures.length > 0) throw new AggregateError(failures, 'The system did not stop cleanly');
  }
}

/** Starts the roles that the configuration names. When one cannot start, what was started is stopped and the reason is thrown. */
export async function startSystem(parts: SystemParts): Promise<System> {
  const started = new Started();
  try {
    return await start(parts, started);
  } catch (error) {
    await started.stop().catch((failure: unknown) => parts.log.error({ err: failure }, 'stopping after a failed start failed too'));
    throw error;
  }
}

async function start(parts: SystemParts, started: Started): Promise<System> {
  const { config, log, clock } = parts;
  const { roles } = config;
  const foundation = await layFoundation(parts);
  started.add(() => foundation.close());
  const { database, aggregates } = foundation;

  const bus = await NestFactory.createApplicationContext(CommandsModule.forRoot(aggregates), { logger: false, abortOnError: false });
  started.add(() => bus.close());
  const commands = bus.get(Commands);

  const projections = projectionEngine(foundation);
  started.add(() => projections.stop());
  if (roles.has('projections')) projections.start();

  const search = roles.has('projections') ? tutorIndexFeeder(foundation) : undefined;
  if (search !== undefined) {
    started.add(() => search.close());
    search.feeder.start();
  }

  const listening = new Listening(database, (error) => log.warn({ err: error }, 'it could not be told that webhooks are heard'));
  const managers = processManagerEngine(foundation, commands, () =>
    roles.has('command-api') ? listening.milliseconds : platformListensFor(database),
  );
  if (roles.has('process-managers')) {
    managers.start();
    started.add(() => managers.stop());
  }

  const vitals = new Vitals({ database, log, countBacklog: backlogCounter({ projections, managers }, foundation) });
  if (roles.has('projections') || roles.has('process-managers') || roles.has('internal')) {
    vitals.start();
    started.add(() => vitals.stop());
  }
  const realtime = roles.has('realtime') ? makeRealtime({ foundation, commands, clock, started }) : undefined;
  const watched = { projections, managers, roles, search: search?.feeder, realtime: realtime?.engine, vitals };

  const answers = new StoredAnswers(database, (error) => log.warn({ err: error }, 'old answers were not forgotten'));
  answers.open();
  started.add(() => answers.close());

  const checks: Record<string, Check> = {
    eventStore: async () => ({ ok: (await foundation.eventStore.head()) >= 0n }),
    postgres: async () => ({ ok: (await database.query('select 1')).length === 1 }),
    ...lagChecks(watched),
  };
  const metrics = new Metrics();
  lagMetrics(metrics, watched);
  const shared: Shared = {
    platform: PlatformModule.of(foundation, [
      { provide: Commands, useValue: commands },
      { provide: Aggregates, useValue: aggregates },
    ]),
    positions: projections.positions,
    answers,
    metrics,
    checks,
  };

  const serves = roles.has('command-api') || roles.has('query-api') || roles.has('realtime');
  const publicHttp = serves ? await publicServer(foundation, shared) : undefined;
  const internalHttp = roles.has('internal') ? await internalServer(foundation, shared, parts.internalModules ?? []) : undefined;
  const publicPort = await listen(publicHttp, config.publicHttp, started);
  if (roles.has('command-api')) {
    listening.begin();
    started.add(() => listening.stop());
  }
  const internalPort = await listen(internalHttp, config.internalHttp, started);
  // Last, so that it stops first: a server waits for its connections to end, and an open WebSocket is one.
  if (publicHttp !== undefined) realtime?.start(publicHttp);
  return {
    foundation,
    commands,
    publicPort,
    internalPort,
    caughtUp: async (timeoutMs) =>
      projections.positions.waitFor(
        readModels.map(({ context, name }) => `${context}.${name}`),
        await foundation.eventStore.head(),
        timeoutMs,
      ),
    stop: () => started.stop(),
  };
}

/** What makes frames of events and hands them to clients: it is watched from the beginning, and starts when there is a server. */
function makeRealtime(parts: { foundation: Foundation; commands: Commands; clock: Clock; started: Started }): {
  readonly engine: NoticeEngine;
  readonly start: (server: HttpServer) => void;
} {
  const { foundation, commands, clock, started } = parts;
  const { config, database, aggregates, openFeed, log } = foundation;
  const fanOut: FanOut =
    config.redisUrl === undefined
      ? new InProcessFanOut()
      : new RedisFanOut(config.redisUrl, (error) => log.warn({ err: error }, 'the connection to Redis was interrupted'));
  started.add(() => fanOut.close());
  const store = new FrameStore(database);
  const engine = new NoticeEngine({
    notices,
    store,
    openFeed,
    fanOut,
    clock,
    onError: (error) => log.error({ err: error, engine: 'realtime' }, 'the notice engine met an error'),
    leadership: { database, times: config.leaseTimes },
  });
  const gateway = new Gateway({ tickets: new Tickets(database), store, fanOut, commands, aggregates, clock, log });
  return {
    engine,
    start(server) {
      gateway.attach(server.app.getHttpServer());
      engine.start();
      started.add(() => engine.stop());
      started.add(() => gateway.close());
    },
  };
}

async function listen(
  server: HttpServer | undefined,
  address: { port: number; host: string },
  started: Started,
): Promise<number | undefined> {
  if (server === undefined) return undefined;
  started.add(() => server.close());
  return server.listen(address.port, address.host);
}
