import type { HeartbeatTable } from '../../use-cases/binlog/write-heartbeats.use-case';
import type { ImpatientClient } from './impatient-client';

export class MysqlHeartbeatTable implements HeartbeatTable {
  constructor(private readonly client: ImpatientClient) {}

  async beat(source: string, beatMs: number): Promise<void> {
    await this.client.run(
      (prisma) => prisma.$executeRaw`
        INSERT INTO cache_heartbeats (source, beat) VALUES (${source}, ${beatMs}) ON DUPLICATE KEY UPDATE beat = VALUES(beat)`,
    );
  }

  async removeSilent(sinceMs: number): Promise<void> {
    await this.client.run((prisma) => prisma.$executeRaw`DELETE FROM cache_heartbeats WHERE beat < ${sinceMs}`);
  }
}
