import type { Migration } from './migration.ts';

/** The tables that the engines themselves need. Read models are made by the projection engine, each in its context's schema. */
export const engineMigrations: readonly Migration[] = [
  {
    name: '0001-engine',
    up: `
create schema if not exists engine;

-- One active runner per consumer. Expiry is judged by this database's clock; the token counts the holders.
create table engine.leases (
  name text primary key,
  holder uuid not null,
  fencing_token bigint not null,
  expires_at timestamptz(3) not null
);

-- How far each consumer has come. Every write carries the fencing token of the runner's lease; a swap of tables raises the generation.
create table engine.checkpoints (
  consumer text not null,
  version integer not null,
  position bigint not null default -1,
  fencing_token bigint not null default 0,
  generation integer not null default 0,
  state text not null default 'building' check (state in ('building', 'live', 'paused')),
  fingerprint text not null default '',
  updated_at timestamptz(3) not null default now(),
  primary key (consumer, version)
) with (fillfactor = 50);

-- Reactions of process managers and timers (rows with a due time). The id is the id of the command that is sent.
create table engine.outbox (
  id uuid primary key,
  manager text not null,
  instance text not null,
  position bigint not null,
  index integer not null,
  event_id uuid not null,
  event_type text not null,
  event_stream text not null,
  event_revision bigint not null,
  event_at timestamptz(3) not null,
  correlation_id text not null,
  command_type text,
  command jsonb,
  due timestamptz(3),
  settled_by text[] not null default '{}',
  otherwise jsonb not null default '{}',
  compensating boolean not null default false,
  state text not null default 'pending' check (state in ('pending', 'done', 'settled', 'compensated', 'skipped', 'parked')),
  attempts integer not null default 0,
  not_before timestamptz(3) not null default now(),
  last_error text,
  fencing_token bigint not null,
  created_at timestamptz(3) not null default now(),
  ended_at timestamptz(3),
  unique (manager, event_id, index)
);
create index outbox_lanes on engine.outbox (manager, instance, position, index) where due is null and state in ('pending', 'parked');
create index outbox_timers on engine.outbox (due) where due is not null and state = 'pending';
create index outbox_parked on engine.outbox (manager, instance) where state = 'parked';
create index outbox_ended on engine.outbox (ended_at) where ended_at is not null;

-- Events that a read model could not take, and those behind them that touch the same key. The events themselves stay in the log.
create table engine.dead_letters (
  consumer text not null,
  version integer not null,
  scope text not null check (scope in ('stream', 'row')),
  key text not null,
  position bigint not null,
  event_id uuid not null,
  event_type text not null,
  stream text not null,
  revision bigint not null,
  error text,
  attempts integer not null default 1,
  skipped boolean not null default false,
  parked_at timestamptz(3) not null default now(),
  primary key (consumer, version, scope, key, position)
);

-- How the work of each kind goes, told by the process that does it, about once a second.
create table engine.reports (
  name text primary key,
  report jsonb not null,
  told_at timestamptz(3) not null
);

-- What operators asked for and what came of it: who, why, when.
create table engine.operator_acts (
  id uuid primary key,
  act text not null,
  target text not null,
  detail jsonb not null default '{}',
  who text not null,
  why text not null,
  state text not null default 'requested' check (state in ('requested', 'done', 'failed')),
  outcome text,
  asked_at timestamptz(3) not null default now(),
  ended_at timestamptz(3)
);
create index operator_acts_open on engine.operator_acts (asked_at) where state = 'requested';

-- Answers given under an Idempotency-Key. A row without a status belongs to a request under way.
create table engine.idempotency_keys (
  id text primary key,
  body_hash text not null,
  claimed_at timestamptz(3) not null default now(),
  status smallint,
  content_type text,
  body text
);
create index idempotency_keys_age on engine.idempotency_keys (claimed_at);

-- One-use tickets to open a WebSocket with, by their hash.
create table engine.tickets (
  hash text primary key,
  actor jsonb not null,
  expires_at timestamptz(3) not null
);
create index tickets_age on engine.tickets (expires_at);

-- Signatures of internal requests that changed something: none is taken twice while its time is valid.
create table engine.seen_signatures (
  signature text primary key,
  expires_at timestamptz(3) not null
);
create index seen_signatures_age on engine.seen_signatures (expires_at);

-- Frames that people were sent, kept for those who come back. How long they are kept goes by this server's time, not by the business clock.
create table engine.frames (
  recipient text not null,
  position bigint not null,
  index integer not null,
  type text not null,
  data jsonb not null,
  at timestamptz(3) not null,
  stored_at timestamptz(3) not null default now(),
  primary key (recipient, position, index)
);
create index frames_age on engine.frames (stored_at);

-- Up to where frames have been forgotten: of one recipient, or of all under '*'.
create table engine.frame_floors (
  recipient text primary key,
  position bigint not null
);
`,
  },
  {
    // What operators ask for is on record in the log, in the streams Operations-projections and Operations-process-managers.
    name: '0002-acts-on-record',
    up: `
drop table engine.operator_acts;
alter table engine.outbox add column acted_by uuid;
`,
  },
];
