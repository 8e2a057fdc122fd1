import { HeartbeatNotices } from '@coupon/cache-bus';
import { BINLOG_EXCHANGE, HEARTBEAT_TABLE } from '@coupon/contracts';
import { AmqpConnection, RabbitMqPublisher, binlogTopology } from '@coupon/messaging';

export const silentLogger = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Tells of changes as the tail of the binlog would, when it is asked to. */
export class BinlogDouble {
  private readonly connection: AmqpConnection;
  private readonly publisher: RabbitMqPublisher;
  private readonly notices: HeartbeatNotices;
  private timer: NodeJS.Timeout | undefined;
  private count = 0;

  constructor(url: string) {
    this.notices = new HeartbeatNotices({ url, name: 'binlog', logger: silentLogger });
    this.connection = new AmqpConnection({ url, name: 'binlog', logger: silentLogger });
    this.publisher = new RabbitMqPublisher({
      connection: this.connection,
      logger: silentLogger,
      exchange: BINLOG_EXCHANGE,
      topology: binlogTopology(),
    });
  }

  async start(): Promise<void> {
    await this.publisher.start();
    await this.notices.start();
    // Whoever tests commits before he announces.
    let acknowledged = 0;
    this.timer = setInterval(() => {
      const sentMs = Date.now();
      const row = { source: 'test', beat: String(sentMs), acknowledged: String(acknowledged) };
      acknowledged = sentMs;
      void this.notices.sent({ source: 'test', sentMs });
      this.changed(HEARTBEAT_TABLE, row).catch(() => undefined);
    }, 50);
  }

  async changed(
    table: string,
    row: Record<string, string | null>,
    old: Record<string, string | null> = {},
  ): Promise<void> {
    this.count += 1;
    const now = Date.now();
    const body = JSON.stringify({
      data: [row],
      database: 'coupon',
      es: now - (now % 1000),
      gtid: '',
      id: this.count,
      isDdl: false,
      mysqlType: {},
      old: [old],
      pkNames: ['id'],
      sql: '',
      sqlType: {},
      table,
      ts: now,
      type: 'UPDATE',
    });
    const [result] = await this.publisher.publishBatch([
      { id: `m${this.count}`, type: '', body, timestampMs: now, mandatory: false },
    ]);
    if (result?.kind !== 'confirmed') throw new Error('not published');
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.notices.close();
    await this.publisher.close();
    await this.connection.close();
  }
}
