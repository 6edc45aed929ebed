import { createHash } from 'node:crypto';
import type { ColumnType, ReadModel } from '#domain/kernel/consumer.ts';
import type { Queryable } from '#infra/postgres/database.ts';

/** One column of a table: the row's field, the column's name, its type. */
export interface Column {
  readonly field: string;
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
}

/** A table that holds rows of a read model; names are quoted where need be and ready for SQL. */
export interface Table {
  readonly schema: string;
  readonly name: string;
  /** `schema.name`. */
  readonly sql: string;
  readonly columns: readonly Column[];
}

const SQL_TYPES: Record<ColumnType, string> = {
  text: 'text',
  uuid: 'uuid',
  integer: 'integer',
  bigint: 'bigint',
  boolean: 'boolean',
  instant: 'timestamptz(3)',
  date: 'date',
  json: 'jsonb',
  'text[]': 'text[]',
  double: 'double precision',
};

/** `createdAt` is stored as `created_at`. */
export function columnName(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

export function sqlType(type: ColumnType): string {
  return SQL_TYPES[type];
}

export function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** `context.name`: what a read model is called as a consumer, and its view in SQL. */
export function consumerOf(model: { context: string; name: string }): string {
  return `${model.context}.${sqlNameOf(model)}`;
}

/** `connection-requests` and `connectionRequests` are both `connection_requests`. */
export function sqlNameOf(model: { name: string }): string {
  return columnName(model.name).replaceAll('-', '_');
}

/** The table of a read model's version; with `suffix`, one that is being filled beside it. */
export function tableOf(model: ReadModel, suffix = ''): Table {
  const name = `${sqlNameOf(model)}_v${model.version}${suffix}`;
  return {
    schema: model.context,
    name,
    sql: `${quoted(model.context)}.${quoted(name)}`,
    columns: Object.entries<ColumnType | `${ColumnType}?`>(model.columns).map(([field, declared]) => {
      const nullable = declared.endsWith('?');
      return { field, name: columnName(field), type: (nullable ? declared.slice(0, -1) : declared) as ColumnType, nullable };
    }),
  };
}

/** Changes whenever the table that the declaration asks for would look different, and with the code that fills it where that is told. */
export function fingerprintOf(model: ReadModel, code?: string): string {
  return createHash('sha256')
    .update(JSON.stringify([Object.entries(model.columns), model.indexes, ...(code === undefined ? [] : [code])]))
    .digest('hex')
    .slice(0, 16);
}

/** Makes the table anew and empty, without its secondary indexes. */
export async function createTable(database: Queryable, table: Table): Promise<void> {
  const columns = table.columns.map(({ name, type, nullable }) => `${quoted(name)} ${SQL_TYPES[type]}${nullable ? '' : ' not null'}`);
  await database.query(`
    create schema if not exists ${quoted(table.schema)};
    drop table if exists ${table.sql} cascade;
    create table ${table.sql} (key text primary key, ${columns.map((column) => `${column}, `).join('')}_position bigint not null)`);
}

/** Makes the secondary indexes: after the rows are in, which is faster than keeping them while rows arrive. */
export async function createIndexes(database: Queryable, model: ReadModel, table: Table): Promise<void> {
  for (const [nth, index] of model.indexes.entries()) {
    const what = typeof index === 'string' ? index : `(${index.map((field) => quoted(columnName(field))).join(', ')})`;
    await database.query(`create index if not exists ${quoted(`${table.name}_${nth + 1}`)} on ${table.sql} ${what}`);
  }
  await database.query(`analyze ${table.sql}`);
}

/** Puts a table, with its indexes, in the place of another, which goes; the view shows it from the end of the transaction on. */
export async function replaceTable(transaction: Queryable, model: ReadModel, from: Table, to: Table): Promise<void> {
  await showTable(transaction, model, from);
  await transaction.query(`drop table ${to.sql}`);
  await renameTable(transaction, model, from, to);
}

/** Gives a table and its indexes the name of another that is not there. */
export async function renameTable(transaction: Queryable, model: ReadModel, from: Table, to: Table): Promise<void> {
  const indexes = model.indexes.map((_, nth) => {
    const old = `${quoted(from.schema)}.${quoted(`${from.name}_${nth + 1}`)}`;
    return `alter index ${old} rename to ${quoted(`${to.name}_${nth + 1}`)};`;
  });
  await transaction.query(`alter table ${from.sql} rename to ${quoted(to.name)};\n${indexes.join('\n')}`);
}

/** The tables that are there, of those asked for, by their names in SQL. */
export async function existingTables(database: Queryable, tables: readonly Table[]): Promise<Set<string>> {
  const rows = await database.query<{ name: string }>('select name from unnest($1::text[]) as name where to_regclass(name) is not null', [
    tables.map(({ sql }) => sql),
  ]);
  return new Set(rows.map(({ name }) => name));
}

/** The table that the read model's view shows, by its name; undefined when there is no view. */
export async function viewedTable(database: Queryable, model: ReadModel): Promise<string | undefined> {
  return (await shownTables(database)).get(consumerOf(model))?.slice(model.context.length + 1);
}

/** The tables that views show at the moment, each as `schema.table` under its view's `schema.view`. */
export async function shownTables(database: Queryable): Promise<Map<string, string>> {
  const rows = await database.query<{ view: string; shown: string }>(
    `select distinct view_schema.nspname || '.' || view.relname as view, table_schema.nspname || '.' || used.relname as shown
     from pg_class view
     join pg_namespace view_schema on view_schema.oid = view.relnamespace
     join pg_rewrite rule on rule.ev_class = view.oid
     join pg_depend link on link.classid = 'pg_rewrite'::regclass and link.objid = rule.oid and link.refclassid = 'pg_class'::regclass
     join pg_class used on used.oid = link.refobjid and used.relkind = 'r'
     join pg_namespace table_schema on table_schema.oid = used.relnamespace
     where view.relkind = 'v' and view_schema.nspname not in ('pg_catalog', 'information_schema')`,
  );
  return new Map(rows.map(({ view, shown }) => [view, shown]));
}

/** The version of each consumer that counts: the one whose table queries see; where they see none, the newest. */
export async function servedVersions(database: Queryable): Promise<Map<string, number>> {
  const newest = await database.query<{ consumer: string; version: number }>(
    'select consumer, max(version) as version from engine.checkpoints group by consumer',
  );
  const shown = await shownTables(database);
  return new Map(
    newest.map(({ consumer, version }) => {
      const ofTable = /_v(\d+)$/.exec(shown.get(consumer) ?? '');
      return [consumer, ofTable === null ? version : Number(ofTable[1])];
    }),
  );
}

/**
 * Makes the read model's view show a table: what queries see from the end of the transaction on. Whoever was granted something on the view
 * keeps it, also where a raised version has other columns.
 */
export async function showTable(transaction: Queryable, model: ReadModel, table: Table): Promise<void> {
  const view = viewSql(model);
  const columns = ['key', ...table.columns.map(({ name }) => quoted(name))].join(', ');
  await transaction.query(`
    do $show$
    declare
      held aclitem[] := (select relacl from pg_class where oid = to_regclass('${view}'));
      given record;
    begin
      create or replace view ${view} as select ${columns} from ${table.sql};
    exception when invalid_table_definition then
      drop view ${view};
      create view ${view} as select ${columns} from ${table.sql};
      for given in select grantee::regrole as who, privilege_type as what from aclexplode(held) where grantee <> 0 loop
        execute format('grant %s on ${view} to %s', given.what, given.who);
      end loop;
    end $show$`);
}

function viewSql(model: ReadModel): string {
  return `${quoted(model.context)}.${quoted(sqlNameOf(model))}`;
}
