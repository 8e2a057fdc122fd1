import { useMysqlDatabase } from '../src';

describe('useMysqlDatabase with a MariaDB', () => {
  const database = useMysqlDatabase({ server: 'mariadb' });

  it('gives a database on a MariaDB with the same durable settings', async () => {
    expect(database.flavour).toBe('mariadb');
    const [row] = await database.query(
      'SELECT @@innodb_flush_log_at_trx_commit AS redo, @@sync_binlog AS binlog, @@binlog_format AS format, @@time_zone AS zone',
    );
    expect(row).toMatchObject({ redo: '1', binlog: '1', format: 'ROW', zone: '+00:00' });
  });
});
