import type { EventReader } from '../store/event-reader.ts';
import type { EventStore } from '../store/event-store.ts';
import { Group } from './group.ts';
import type { GroupDefinition } from './group-definition.ts';
import { groupKey } from './group-definition.ts';
import { groupDoesNotExist, groupExists } from './group-errors.ts';
import { appendLatest, jsonSystemEvent, readJson } from './system-events.ts';

const configStream = '$persistentSubscriptionConfig';
const configType = '$PersistentConfig';
const tickInterval = 1000;

/** All groups, and their definitions in the log. */
export class GroupRegistry {
  private readonly groups = new Map<string, Group>();
  private readonly store: EventStore;
  private readonly reader: EventReader;
  private readonly stopListening: () => void;
  private readonly ticker: NodeJS.Timeout;

  constructor(store: EventStore, reader: EventReader) {
    this.store = store;
    this.reader = reader;
    this.load();
    this.stopListening = store.onCommit((events) => {
      for (const group of this.groups.values()) group.committed(events);
    });
    this.ticker = setInterval(() => {
      for (const group of this.groups.values()) group.tick();
    }, tickInterval);
  }

  /** @throws RpcError when there is no such group */
  get(stream: string, group: string): Group {
    const found = this.groups.get(groupKey(stream, group));
    if (!found) throw groupDoesNotExist(stream, group);
    return found;
  }

  list(): Group[] {
    return [...this.groups.values()];
  }

  /** @throws RpcError when it exists already; StorageFailure */
  async create(definition: GroupDefinition): Promise<void> {
    const { stream, group } = definition;
    const key = groupKey(stream, group);
    if (this.groups.has(key)) throw groupExists(stream, group);
    const created = new Group(this.store, this.reader, definition);
    this.groups.set(key, created);
    try {
      await this.save();
    } catch (error) {
      this.groups.delete(key);
      created.drop();
      throw error;
    }
  }

  /** Starts the group anew from its checkpoint, or from its new start. @throws RpcError when there is none; StorageFailure */
  async update(definition: GroupDefinition): Promise<void> {
    const { stream, group } = definition;
    const old = this.get(stream, group);
    old.drop();
    this.groups.set(groupKey(stream, group), new Group(this.store, this.reader, { ...definition, filter: old.definition.filter }));
    await this.save();
  }

  /** @throws RpcError when there is none; StorageFailure */
  async delete(stream: string, group: string): Promise<void> {
    const old = this.get(stream, group);
    old.drop();
    this.groups.delete(groupKey(stream, group));
    // In one turn, so in one commit: a group of this name that is made later must not begin where this one was.
    await Promise.all([this.store.softDelete(old.checkpoints.stream, 'any'), this.store.softDelete(old.parked.stream, 'any'), this.save()]);
  }

  /** Drops every group from memory and reads the definitions again. */
  restart(): void {
    this.dropAll();
    this.load();
  }

  close(): void {
    clearInterval(this.ticker);
    this.stopListening();
    this.groups.clear();
  }

  private dropAll(): void {
    for (const group of this.groups.values()) group.drop();
    this.groups.clear();
  }

  private load(): void {
    for (const definition of this.lastDefinitions()) {
      this.groups.set(groupKey(definition.stream, definition.group), new Group(this.store, this.reader, definition));
    }
  }

  private lastDefinitions(): readonly GroupDefinition[] {
    for (const page of this.reader.streamBackwards(configStream, this.reader.headOf(configStream))) {
      for (const event of page) {
        const config = event.type === configType ? readJson(event) : undefined;
        if (isConfig(config)) return config.entries;
      }
    }
    return [];
  }

  private async save(): Promise<void> {
    const entries = this.list().map(({ definition }) => definition);
    const config = { version: '2', updated: new Date().toISOString(), updatedBy: 'system', entries };
    await appendLatest(this.store, configStream, jsonSystemEvent(configType, config));
  }
}

function isConfig(value: unknown): value is { readonly entries: readonly GroupDefinition[] } {
  return typeof value === 'object' && value !== null && 'entries' in value && Array.isArray(value.entries);
}
