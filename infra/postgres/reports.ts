import type { Queryable } from './database.ts';

/** What the process that does some work told of it last. */
export interface ToldReport {
  readonly name: string;
  readonly report: object;
  readonly toldAt: string;
  /** Seconds since then, by the database's clock. */
  readonly ageSeconds: number;
}

/** Tells all processes how some work goes. */
export async function tellReport(database: Queryable, name: string, report: object): Promise<void> {
  await database.execute(
    `insert into engine.reports (name, report, told_at) values ($1, $2, clock_timestamp())
     on conflict (name) do update set report = excluded.report, told_at = excluded.told_at`,
    [name, JSON.stringify(report)],
    'tell-report',
  );
}

/** What was told last, by name. */
export async function readReports(database: Queryable): Promise<Map<string, ToldReport>> {
  const rows = await database.query<ToldReport>(
    `select name, report, told_at as "toldAt", extract(epoch from clock_timestamp() - told_at)::float8 as "ageSeconds" from engine.reports`,
  );
  return new Map(rows.map((row) => [row.name, row]));
}
