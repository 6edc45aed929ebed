import type { JSONEventData } from '@eventstore/db-client';
import type { AnyDecider } from '#domain/kernel/decider.ts';
import {
  ERASED,
  type DomainEvent,
  type EventDefinition,
  type EventMetadata,
  type PersonalFields,
  type RecordedEvent,
} from '#domain/kernel/event.ts';
import { open, seal } from '#infra/vault/sealing.ts';
import { DESTROYED, type SubjectKey, type Vault } from '#infra/vault/vault.ts';
import type { StoredEvent } from './reading.ts';
import { UnreadableEvent } from './unreadable.ts';
import { Upcasting, type Upcaster } from './upcasting.ts';

/** Marks an encrypted field, and how it was encrypted. */
const SEALED = 'aes256gcm:';

/** An event that decide returned does not fit its own declaration: a mistake in the code. */
export class InvalidEvent extends Error {
  constructor(
    readonly eventType: string,
    reason: string,
  ) {
    super(`${eventType}: ${reason}`);
    this.name = 'InvalidEvent';
  }
}

/** A stored event cannot be read. Says no content. */
export class UndecodableEvent extends Error {
  constructor(
    readonly event: Pick<StoredEvent, 'id' | 'type' | 'streamId' | 'revision' | 'position'>,
    readonly reason: string,
  ) {
    super(`Event ${event.id} (${event.type}, ${event.revision} of ${event.streamId}) cannot be read: ${reason}`);
    this.name = 'UndecodableEvent';
  }
}

/**
 * A stored event was written by newer code: its type or version is not known here. The fault is not the event's, and many like it may follow: a
 * reader stops before it, so that newer code goes on from there.
 */
export class EventOfNewerCode extends UndecodableEvent {
  override readonly name = 'EventOfNewerCode';
}

/** An event ready to be appended, and as those who have just caused it see it. */
export interface EncodedEvent {
  readonly stored: JSONEventData;
  readonly data: object;
}

/**
 * Turns events into what is stored and back. What is known of each type comes from its declaration; personal fields are
 * encrypted under the key of the person they are about, bound to the event and the field.
 */
export class Codec {
  readonly aggregateTypes: readonly string[];
  readonly #definitions = new Map<string, EventDefinition>();
  readonly #deciders: readonly AnyDecider[];
  readonly #upcasting: Upcasting;
  readonly #vault: Vault;

  constructor(parts: { deciders: readonly AnyDecider[]; vault: Vault; upcasters?: readonly Upcaster[] }) {
    this.aggregateTypes = parts.deciders.map((decider) => decider.aggregateType);
    this.#deciders = parts.deciders;
    for (const definition of parts.deciders.flatMap((decider) => decider.events)) {
      const known = this.#definitions.get(definition.type);
      if (known !== undefined && known !== definition) throw new Error(`${definition.type} is declared twice`);
      this.#definitions.set(definition.type, definition);
    }
    this.#upcasting = new Upcasting(this.#definitions, parts.upcasters ?? []);
    this.#vault = parts.vault;
  }

  /** The aggregates that declare events of some types. */
  aggregateTypesOf(types: ReadonlySet<string>): readonly string[] {
    return this.#deciders.filter(({ events }) => events.some(({ type }) => types.has(type))).map(({ aggregateType }) => aggregateType);
  }

  /** The version that events of a type are written in now. Throws {@link InvalidEvent} for a type that is not declared. */
  versionOf(type: string): string {
    return this.#definition(type).version;
  }

  /**
   * Checks an event against its schema and encrypts it. What is personal of a forgotten subject is written as erased.
   * Throws {@link InvalidEvent}.
   */
  async encode(id: string, event: DomainEvent, metadata: EventMetadata): Promise<EncodedEvent> {
    const definition = this.#definition(event.type);
    const checked = definition.schema.safeParse(event.data);
    if (!checked.success)
      throw new InvalidEvent(event.type, checked.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`).join('; '));
    const { personal } = definition;
    const data = checked.data as Readonly<Record<string, unknown>>;
    let stored = data;
    let seen = data;
    for (const field in personal) {
      const plain = data[field];
      if (plain === undefined || plain === null) continue;
      const subjectId = data[personal[field]!];
      if (typeof plain !== 'string' || typeof subjectId !== 'string')
        throw new InvalidEvent(event.type, `${field} is personal, but not a text of somebody`);
      const key = await this.#vault.keyFor(subjectId);
      const written = key === DESTROYED ? ERASED : SEALED + seal(Buffer.from(plain), key, boundTo(id, field)).toString('base64');
      stored = { ...stored, [field]: written };
      if (key === DESTROYED) seen = { ...seen, [field]: ERASED };
    }
    return {
      stored: { id, type: event.type, contentType: 'application/json', data: stored as never, metadata: toStored(metadata) as never },
      data: seen,
    };
  }

  /** Reads a page of events, with one look-up of all the keys that it needs. Throws {@link UndecodableEvent}. */
  async decode(page: readonly StoredEvent[]): Promise<RecordedEvent[]> {
    const keys = await this.#keysFor(page);
    return page.map((event) => this.#decodeOne(event, keys));
  }

  /**
   * Reads a page of events as consumers are given them: in the place of one whose content cannot be read stands an {@link UnreadableEvent}. Throws
   * {@link EventOfNewerCode}.
   */
  async decodeForConsumers(page: readonly StoredEvent[]): Promise<RecordedEvent[]> {
    const keys = await this.#keysFor(page);
    return page.map((event) => {
      try {
        return this.#decodeOne(event, keys);
      } catch (error) {
        if (!(error instanceof UndecodableEvent) || error instanceof EventOfNewerCode) throw error;
        return new UnreadableEvent(event, error);
      }
    });
  }

  /** Whose personal data an event holds. */
  subjectsOf(event: Pick<RecordedEvent, 'type' | 'data'>): readonly string[] {
    const { personal } = this.#definition(event.type);
    const data = event.data as Readonly<Record<string, unknown>>;
    let subjects = NOBODY;
    for (const field in personal) {
      if (typeof data[field] === 'string' && data[field] !== ERASED) subjects = [...subjects, String(data[personal[field]!])];
    }
    return subjects;
  }

  #definition(type: string): EventDefinition {
    const definition = this.#definitions.get(type);
    if (definition === undefined) throw new InvalidEvent(type, 'no aggregate declares it');
    return definition;
  }

  async #keysFor(page: readonly StoredEvent[]): Promise<ReadonlyMap<string, SubjectKey>> {
    const subjects = new Set<string>();
    for (const event of page) this.#addSubjectsOf(event, subjects);
    return subjects.size === 0 ? NO_KEYS : this.#vault.keysOf(subjects);
  }

  #addSubjectsOf(event: StoredEvent, subjects: Set<string>): void {
    const personal = this.#personalFields(event);
    const data = event.data as Readonly<Record<string, unknown>> | undefined;
    for (const field in personal) {
      const value = data?.[field];
      const subject = data?.[personal[field]!];
      if (typeof value === 'string' && value.startsWith(SEALED) && typeof subject === 'string') subjects.add(subject);
    }
  }

  #personalFields(event: StoredEvent): PersonalFields {
    const version = (event.metadata as Partial<EventMetadata> | undefined)?.eventVersion;
    return this.#upcasting.personalFields(event.type, version) ?? NO_FIELDS;
  }

  #decodeOne(event: StoredEvent, keys: ReadonlyMap<string, SubjectKey>): RecordedEvent {
    if (!this.#definitions.has(event.type)) throw new EventOfNewerCode(event, 'its type is not known');
    const metadata = fromStored(event.metadata);
    if (metadata === undefined || typeof event.data !== 'object' || event.data === null || event.position === undefined)
      throw new UndecodableEvent(event, 'it does not have our form');
    const data = this.#decrypted(event, event.data as Readonly<Record<string, unknown>>, keys);
    const current = this.#upcast(event, metadata.eventVersion, data);
    return {
      id: event.id,
      type: event.type,
      data: current,
      version: this.#definition(event.type).version,
      stream: event.streamId,
      aggregateType: metadata.aggregateType,
      aggregateId: metadata.aggregateId,
      revision: Number(event.revision),
      position: event.position.commit,
      at: metadata.timestamp,
      metadata,
    };
  }

  #upcast(event: StoredEvent, version: string, data: Readonly<Record<string, unknown>>): object {
    let current: object | undefined;
    try {
      current = this.#upcasting.upcast(event.type, version, data);
    } catch (error) {
      // What an upcaster complains about may be what the event says.
      throw new UndecodableEvent(event, `its upcaster failed with ${error instanceof Error ? error.name : typeof error}`);
    }
    if (current !== undefined) return current;
    const isNewer = Number.parseInt(version, 10) > Number.parseInt(this.#definition(event.type).version, 10);
    throw new (isNewer ? EventOfNewerCode : UndecodableEvent)(event, `nothing reads its version ${version.slice(0, 20)}`);
  }

  #decrypted(
    event: StoredEvent,
    data: Readonly<Record<string, unknown>>,
    keys: ReadonlyMap<string, SubjectKey>,
  ): Readonly<Record<string, unknown>> {
    const personal = this.#personalFields(event);
    let clear: Record<string, unknown> | undefined;
    for (const field in personal) {
      const value = data[field];
      if (typeof value !== 'string' || value === ERASED) continue;
      if (!value.startsWith(SEALED)) throw new UndecodableEvent(event, `${field} is personal, but not encrypted`);
      const key = keys.get(String(data[personal[field]!]));
      if (key === undefined) throw new UndecodableEvent(event, `the vault never had the key of ${field}`);
      clear ??= { ...data };
      clear[field] = key === DESTROYED ? ERASED : this.#opened(event, field, value, key);
    }
    return clear ?? data;
  }

  #opened(event: StoredEvent, field: string, value: string, key: Buffer): string {
    try {
      return open(Buffer.from(value.slice(SEALED.length), 'base64'), key, boundTo(event.id, field)).toString();
    } catch {
      throw new UndecodableEvent(event, `${field} was not encrypted with this key for this place`);
    }
  }
}

/** `2026-11-22T08:30:00.500Z` */
const TIMESTAMP_LENGTH = 24;
const NO_KEYS: ReadonlyMap<string, SubjectKey> = new Map();
const NOBODY: readonly string[] = [];
const NO_FIELDS: PersonalFields = {};

function boundTo(eventId: string, field: string): string {
  return `${eventId}:${field}`;
}

/** In the store, correlation and causation have the names that its own tools know. */
function toStored(metadata: EventMetadata): object {
  // Field by field: a rest pattern would cost more than the encryption. Those that are undefined are left out by JSON.
  return {
    eventVersion: metadata.eventVersion,
    aggregateType: metadata.aggregateType,
    aggregateId: metadata.aggregateId,
    timestamp: metadata.timestamp,
    source: metadata.source,
    commandId: metadata.commandId,
    commandType: metadata.commandType,
    role: metadata.role,
    userId: metadata.userId,
    actingFor: metadata.actingFor,
    reason: metadata.reason,
    $correlationId: metadata.correlationId,
    $causationId: metadata.causationId,
  };
}

function fromStored(stored: unknown): EventMetadata | undefined {
  if (typeof stored !== 'object' || stored === null) return undefined;
  const given = stored as Readonly<Record<string, string | undefined>>;
  if (typeof given['aggregateId'] !== 'string' || typeof given['aggregateType'] !== 'string') return undefined;
  if (typeof given['eventVersion'] !== 'string' || typeof given['$correlationId'] !== 'string') return undefined;
  const { timestamp } = given;
  if (typeof timestamp !== 'string' || timestamp.length !== TIMESTAMP_LENGTH || Number.isNaN(Date.parse(timestamp))) return undefined;
  // Field by field here too: this is done for every event that is read.
  const metadata = {
    eventVersion: given['eventVersion'],
    aggregateType: given['aggregateType'],
    aggregateId: given['aggregateId'],
    timestamp,
    source: given['source'],
    commandId: given['commandId'],
    commandType: given['commandType'],
    correlationId: given['$correlationId'],
    causationId: given['$causationId'],
    role: given['role'],
  } as { -readonly [F in keyof EventMetadata]: EventMetadata[F] };
  if (given['userId'] !== undefined) metadata.userId = given['userId'];
  if (given['actingFor'] !== undefined) metadata.actingFor = given['actingFor'];
  if (given['reason'] !== undefined) metadata.reason = given['reason'];
  return metadata;
}
