import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { v7 as newId } from 'uuid';
import { Database } from '#infra/postgres/database.ts';
import { disposableServer, type DisposableServer } from '#infra/postgres/disposable.ts';
import { PostgresVault, type PostgresVaultOptions } from './postgres-vault.ts';
import { open, seal } from './sealing.ts';
import { DESTROYED, InMemoryVault, type Vault } from './vault.ts';

let postgres: DisposableServer;
let database: Database;
const masterKey = randomBytes(32);

beforeAll(async () => {
  postgres = await disposableServer();
  database = new Database(await postgres.server.ensureDatabase('vault'));
  await Promise.all([opened().prepare(), opened().prepare(), opened().prepare()]);
}, 60_000);
afterAll(async () => {
  await database.close();
  await postgres.dispose();
});

/** The vault as another process has it. */
function opened(options: PostgresVaultOptions = {}): PostgresVault {
  return new PostgresVault(database, masterKey, options);
}

const vaults: [string, () => Vault][] = [
  ['in Postgres', () => opened()],
  ['in memory', () => new InMemoryVault()],
];

describe.each(vaults)('A vault %s', (_where, make) => {
  it('makes a key once', async () => {
    const vault = make();
    const subject = newId();
    const keys = await Promise.all([vault.keyFor(subject), vault.keyFor(subject), vault.keyFor(subject)]);
    expect(keys[0]).toHaveLength(32);
    expect(new Set(keys).size).toBe(1);
    expect(await vault.keyFor(newId())).not.toEqual(keys[0]);
  });

  it('gives the keys of many, and nothing for those who never had one', async () => {
    const vault = make();
    const [one, two, stranger] = [newId(), newId(), newId()];
    const [first, second] = [await vault.keyFor(one), await vault.keyFor(two)];
    expect(await vault.keysOf([one, two, stranger])).toEqual(
      new Map([
        [one, first],
        [two, second],
      ]),
    );
  });

  it('forgets for good, tells its listeners, and minds no second time', async () => {
    const vault = make();
    const subject = newId();
    const heard: string[] = [];
    vault.onDestroy((subjectId) => heard.push(subjectId));
    await vault.keyFor(subject);
    await vault.destroy(subject);
    await vault.destroy(subject);
    expect(await vault.keyFor(subject)).toBe(DESTROYED);
    expect(await vault.keysOf([subject])).toEqual(new Map([[subject, DESTROYED]]));
    expect(heard).toEqual([subject, subject]);
  });

  it('forgets also whom it never knew', async () => {
    const vault = make();
    const subject = newId();
    await vault.destroy(subject);
    expect(await vault.keyFor(subject)).toBe(DESTROYED);
  });
});

describe('The vault in Postgres', () => {
  it('gives all processes at once the same key', async () => {
    const subject = newId();
    const keys = (await Promise.all(Array.from({ length: 8 }, () => opened().keyFor(subject)))) as Buffer[];
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(1);
  });

  it('holds no key in clear, and none without the master key', async () => {
    const subject = newId();
    const key = (await opened().keyFor(subject)) as Buffer;
    const [row] = await database.query<{ wrapped_key: Buffer }>('select wrapped_key from subject_keys where subject_id = $1', [subject]);
    expect(row?.wrapped_key.includes(key)).toBe(false);
    await expect(new PostgresVault(database, randomBytes(32)).keyFor(subject)).rejects.toThrow();
  });

  it('keeps nothing of a destroyed key', async () => {
    const subject = newId();
    await opened().keyFor(subject);
    await opened().destroy(subject);
    const rows = await database.query('select wrapped_key, destroyed_at is not null as destroyed from subject_keys where subject_id = $1', [
      subject,
    ]);
    expect(rows).toEqual([{ wrapped_key: null, destroyed: true }]);
  });

  it('lets another process read on only for as long as it keeps keys', async () => {
    const subject = newId();
    const [keeping, asking] = [opened(), opened({ keptForMs: -1 })];
    const key = await keeping.keyFor(subject);
    await asking.keyFor(subject);
    await opened().destroy(subject);
    expect(await keeping.keyFor(subject)).toEqual(key);
    expect(await asking.keyFor(subject)).toBe(DESTROYED);
  });

  it('refuses a master key of the wrong length', () => {
    expect(() => new PostgresVault(database, randomBytes(16))).toThrow(RangeError);
  });
});

describe('What is sealed', () => {
  const key = randomBytes(32);
  const sealed = seal(Buffer.from('my secret'), key, 'here');

  it('opens with the same key in the same place', () => expect(open(sealed, key, 'here').toString()).toBe('my secret'));
  it('opens nowhere else', () => expect(() => open(sealed, key, 'there')).toThrow());
  it('opens with no other key', () => expect(() => open(sealed, randomBytes(32), 'here')).toThrow());
  it('does not open once it is changed', () => {
    const changed = Buffer.from(sealed);
    changed[changed.length - 1]! ^= 1;
    expect(() => open(changed, key, 'here')).toThrow();
  });
  it('looks different each time', () => expect(seal(Buffer.from('my secret'), key, 'here')).not.toEqual(sealed));
});
