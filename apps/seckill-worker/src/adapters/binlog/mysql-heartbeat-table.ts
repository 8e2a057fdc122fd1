import type { HeartbeatTable } from '../../use-cases/binlog/write-heartbeats.use-case';
import type { ImpatientClient } from './impatient-client';

export class MysqlHeartbeatTable implements HeartbeatTable {
  constructor(private readonly client: ImpatientClient) {}

  async beat(source: string, beatMs: number, acknowledgedMs: number): Promise<void> {
    await this.client.run(
      (prisma) => prisma.$executeRaw`
        INSERT INTO cache_heartbeats (source, beat, acknowledged) VALUES (${source}, ${beatMs}, ${acknowledgedMs})
        ON DUPLICATE KEY UPDATE beat = VALUES(beat), acknowledged = VALUES(acknowledged)`,
    );
  }

  async removeSilent(sinceMs: number): Promise<void> {
    await this.client.run((prisma) => prisma.$executeRaw`DELETE FROM cache_heartbeats WHERE beat < ${sinceMs}`);
  }
}
