import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#infra/postgres/database.ts';
import { chatChannels } from '#projections/matching/chat-channels.ts';
import { connectionRequests, type ConnectionRequestRow } from '#projections/matching/connection-requests.ts';
import { matches, type MatchRow } from '#projections/matching/matches.ts';
import { columnsOf, viewOf } from '../rows.ts';

export interface RequestsPage {
  readonly status?: ConnectionRequestRow['status'] | undefined;
  /** The last request of the page before: when it was sent, and its id. */
  readonly after?: readonly [string, string] | undefined;
  readonly limit: number;
}

export interface MatchWithChannel extends MatchRow {
  readonly channelId: string | null;
  readonly channelStatus: 'Open' | 'Frozen' | 'Archived' | null;
}

/** How many requests were sent in a time, and what became of them. */
export interface ConnectionFigures {
  readonly sent: number;
  readonly viewed: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly expired: number;
  readonly withdrawn: number;
  readonly voided: number;
  readonly open: number;
  /** Median of the answered ones; null when none was. */
  readonly medianMinutesToAnswer: number | null;
}

const REQUEST = columnsOf(connectionRequests);
const MATCH = `${columnsOf(matches, 'm')}, c.channel_id as "channelId", c.status as "channelStatus"`;
const MATCHES = `${viewOf(matches)} m left join ${viewOf(chatChannels)} c on c.match_id = m.match_id`;

/** Reads connection requests and matches. */
@Injectable()
export class ConnectionsQueries {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Requests to a tutor, or of a student; the newest first. */
  requests(of: 'tutor' | 'student', userId: string, { status, after, limit }: RequestsPage): Promise<ConnectionRequestRow[]> {
    const sql = `select ${REQUEST} from ${viewOf(connectionRequests)}
      where ${of}_id = $1 and ($2::text is null or status = $2) and ($3::timestamptz is null or (sent_at, connection_request_id) < ($3, $4::uuid))
      order by sent_at desc, connection_request_id desc limit $5`;
    const [sentAt = null, id = null] = after ?? [];
    return this.database.query<ConnectionRequestRow>(sql, [userId, status ?? null, sentAt, id, limit], `matching.requests_of_${of}`);
  }

  /** The matches of a person, with their channels; the newest first. */
  matchesOf(userId: string): Promise<MatchWithChannel[]> {
    const sql = `select ${MATCH} from ${MATCHES} where m.student_id = $1 or m.tutor_id = $1 order by m.since desc, m.key limit 500`;
    return this.database.query<MatchWithChannel>(sql, [userId], 'matching.matches_of');
  }

  async match(matchId: string): Promise<MatchWithChannel | undefined> {
    const sql = `select ${MATCH} from ${MATCHES} where m.key = $1`;
    return (await this.database.query<MatchWithChannel>(sql, [matchId], 'matching.match'))[0];
  }

  /** Figures of the requests that were sent from one moment until before another. */
  async figures(from: string, to: string): Promise<ConnectionFigures> {
    const count = (status: string) => `count(*) filter (where status = '${status}') as "${status.toLowerCase()}"`;
    const sql = `select count(*) as "sent", count(viewed_at) as "viewed",
        ${['Accepted', 'Rejected', 'Expired', 'Withdrawn', 'Voided'].map(count).join(', ')},
        count(*) filter (where closed_at is null) as "open",
        percentile_cont(0.5) within group (order by extract(epoch from closed_at - sent_at) / 60)
          filter (where status in ('Accepted', 'Rejected')) as "medianMinutesToAnswer"
      from ${viewOf(connectionRequests)} where sent_at >= $1 and sent_at < $2`;
    const [figures] = await this.database.query<ConnectionFigures>(sql, [from, to], 'matching.connection_figures');
    return figures!;
  }
}
