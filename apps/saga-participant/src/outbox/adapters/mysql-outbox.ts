import type { Outbox, OutboxBacklog, OutboxBatch, OutboxEvent } from '../use-cases/outbox';

interface Statements {
  $executeRawUnsafe(query: string, ...values: unknown[]): PromiseLike<number>;
  $queryRawUnsafe<T = unknown>(query: string, ...values: unknown[]): PromiseLike<T>;
}

const TRANSACTION = { maxWait: 5_000, timeout: 45_000 } as const;

/** A Prisma client of either database. */
interface OutboxClient extends Statements {
  $transaction<T>(work: (tx: Statements) => Promise<T>, options: typeof TRANSACTION): Promise<T>;
}

interface Row {
  readonly id: bigint;
  readonly event_id: string;
  readonly routing_key: string;
  readonly headers: string;
  readonly body: string;
  readonly created_ms: bigint;
  readonly idle_limit_s: bigint;
}

/** Longer than a transaction may take. */
const DEFAULT_IDLE_LIMIT_S = 60;

const PEEK = 'SELECT id FROM outbox WHERE published_at IS NULL AND id > ? LIMIT 1';
const TAKE = `
  SELECT id, event_id, routing_key, CAST(headers AS CHAR) AS headers, CAST(body AS CHAR) AS body,
    CAST(UNIX_TIMESTAMP(created_at) * 1000 AS SIGNED) AS created_ms, @@SESSION.wait_timeout AS idle_limit_s
  FROM outbox WHERE published_at IS NULL AND id > ? ORDER BY id LIMIT ? FOR UPDATE SKIP LOCKED`;
const BACKLOG = `
  SELECT (SELECT COUNT(*) FROM outbox WHERE published_at IS NULL) AS events,
    (SELECT TIMESTAMPDIFF(MICROSECOND, created_at, CURRENT_TIMESTAMP(3))
     FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT 1) AS age_us`;
const PRUNE = `
  DELETE FROM outbox WHERE published_at < CURRENT_TIMESTAMP(3) - INTERVAL ? MICROSECOND
  ORDER BY published_at, id LIMIT ?`;

/**
 * Table `outbox` of one database. The rows of a batch are locked while it is published, and skipped by everybody else: no other relay works on
 * them, and when this one is killed the server lets them go. Numbers are given before the commit, so a smaller one can appear later; it is found
 * all the same, because what is looked for is what is not published.
 */
export class MysqlOutbox implements Outbox {
  /** Events were there when it last looked. */
  private busy = false;

  /** @param idleLimitS a relay that is frozen or cut off in the middle of a batch keeps its rows for so long: then the server lets them go */
  constructor(
    private readonly client: OutboxClient,
    private readonly idleLimitS = DEFAULT_IDLE_LIMIT_S,
  ) {}

  async relay(
    batch: { readonly afterId: bigint; readonly limit: number },
    publish: (events: readonly OutboxEvent[]) => Promise<readonly OutboxEvent[]>,
  ): Promise<OutboxBatch> {
    // A look costs less than a transaction that finds nothing; where there were events a moment ago, there are more by now.
    if (!this.busy && !(await this.isWaiting(batch.afterId))) return NOTHING;
    return this.client.$transaction(async (tx) => {
      const rows = await tx.$queryRawUnsafe<Row[]>(TAKE, batch.afterId, batch.limit);
      const [first] = rows;
      this.busy = first !== undefined;
      if (first === undefined) return NOTHING;
      // It stays with the connection, which serves others after this: none of them is idle for nearly as long.
      if (Number(first.idle_limit_s) !== this.idleLimitS) {
        await tx.$executeRawUnsafe('SET SESSION wait_timeout = ?', this.idleLimitS);
      }
      const published = await publish(rows.map(toEvent));
      if (published.length > 0) {
        const marks = published.map(() => '?').join(', ');
        await tx.$executeRawUnsafe(
          `UPDATE outbox SET published_at = CURRENT_TIMESTAMP(3) WHERE id IN (${marks})`,
          ...published.map(({ id }) => id),
        );
      }
      return { taken: rows.length, published: published.length, lastId: rows.at(-1)?.id };
    }, TRANSACTION);
  }

  private async isWaiting(afterId: bigint): Promise<boolean> {
    return (await this.client.$queryRawUnsafe<unknown[]>(PEEK, afterId)).length > 0;
  }

  async backlog(): Promise<OutboxBacklog> {
    const [row] = await this.client.$queryRawUnsafe<{ events: bigint; age_us: bigint | null }[]>(BACKLOG);
    return { events: Number(row?.events ?? 0), oldestAgeSeconds: Number(row?.age_us ?? 0) / 1_000_000 };
  }

  prune(options: { readonly retentionMs: number; readonly limit: number }): PromiseLike<number> {
    return this.client.$executeRawUnsafe(PRUNE, options.retentionMs * 1_000, options.limit);
  }
}

const NOTHING: OutboxBatch = Object.freeze({ taken: 0, published: 0, lastId: undefined });

function toEvent(row: Row): OutboxEvent {
  return {
    id: row.id,
    eventId: row.event_id,
    routingKey: row.routing_key,
    headers: toHeaders(row.headers),
    body: row.body,
    createdMs: Number(row.created_ms),
  };
}

/** Texts and numbers are what a header can be. */
function toHeaders(text: string): Record<string, string | number> {
  const headers: Record<string, string | number> = {};
  for (const [name, value] of Object.entries((JSON.parse(text) ?? {}) as Record<string, unknown>)) {
    if (typeof value === 'string' || typeof value === 'number') headers[name] = value;
  }
  return headers;
}
