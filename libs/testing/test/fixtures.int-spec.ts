import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import { useMysqlDatabase, useRedisDatabase, useVhost } from '../src';

describe('test fixtures', () => {
  const migrated: string[] = [];
  const database = useMysqlDatabase({ migrate: async (url) => void migrated.push(url) });
  const redis = useRedisDatabase();
  const vhost = useVhost();

  it('gives each describe block an empty database and calls its migration', async () => {
    expect(migrated).toEqual([database.url]);
    await database.query('CREATE TABLE t (id BIGINT PRIMARY KEY)');
    await database.query('INSERT INTO t VALUES (9007199254740993)');
    expect(await database.query('SELECT id, DATABASE() AS name FROM t')).toEqual([
      { id: '9007199254740993', name: database.name },
    ]);
  });

  it('runs MySQL with durable commits and row events in the binlog, in UTC', async () => {
    const [row] = await database.query(
      'SELECT @@innodb_flush_log_at_trx_commit AS redo, @@sync_binlog AS binlog, @@log_bin AS logging, @@binlog_format AS format, @@time_zone AS zone',
    );
    expect(row).toMatchObject({ redo: '1', binlog: '1', format: 'ROW', zone: '+00:00' });
  });

  it('gives each describe block an empty logical database of a Redis that syncs every write', async () => {
    const client = new Redis(redis.url);
    try {
      expect(await client.dbsize()).toBe(0);
      await client.set('key', 'value');
      expect(await client.config('GET', 'appendfsync')).toEqual(['appendfsync', 'always']);
      expect(await client.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
    } finally {
      client.disconnect();
    }
  });

  it('gives each describe block a virtual host in which it may declare queues', async () => {
    const connection = await connect(vhost.url);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('q', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    channel.sendToQueue('q', Buffer.from('hello'), { persistent: true });
    await channel.waitForConfirms();
    expect(((await channel.get('q', { noAck: true })) as { content: Buffer }).content.toString()).toBe('hello');
    await connection.close();
  });
});
