import type { CommandMessage } from '#domain/kernel/command.ts';
import type { Instant } from '#domain/kernel/time.ts';

/** What the outbox keeps of one reaction. */
export interface NewRow {
  /** The id of the command that will be sent. */
  readonly id: string;
  readonly manager: string;
  readonly instance: string;
  readonly position: string;
  readonly index: number;
  readonly event_id: string;
  readonly event_type: string;
  readonly event_stream: string;
  readonly event_revision: number;
  readonly event_at: Instant;
  readonly correlation_id: string;
  readonly command_type: string | null;
  /** None for an event that the manager could not handle: it is handled again when somebody retries the row. */
  readonly command: CommandMessage | null;
  readonly due: Instant | null;
  readonly settled_by: readonly string[];
  readonly otherwise: Readonly<Record<string, CommandMessage>>;
  readonly state: 'pending' | 'parked';
  readonly last_error: string | null;
}

/** The same as operators want it. */
export interface ChangedRow extends Omit<NewRow, 'state'> {
  readonly state: NewRow['state'] | 'skipped';
  /** Whether the command is one that is sent in place of the reaction's own. */
  readonly compensating?: boolean;
  /** The act of an operator that has made the row what it is. */
  readonly acted_by?: string;
}
