import { ConfigError } from '@coupon/service-kit';
import { loadWorkerConfig } from './config';

const NEEDED = {
  MYSQL_URL: 'mysql://root@127.0.0.1:3306/coupon',
  CLAIM_REDIS_URL: 'redis://127.0.0.1:6379',
  AMQP_URL: 'amqp://127.0.0.1:5672',
};

describe('configuration of the worker', () => {
  it('has all roles but binlog, and the port of the reference, when nothing else is said', () => {
    const config = loadWorkerConfig(NEEDED);
    expect(config.roles).toEqual(['relay', 'consumer', 'reconciliation']);
    expect(config.http.port).toBe(8058);
    expect(config.durability).toBe('fsync');
    expect(config.instance).toMatch(/-\d+$/);
  });

  it('names everything that is wrong at once', () => {
    const broken = { MYSQL_URL: 'http://x', AMQP_URL: 'amqp://h', WORKER_ROLES: 'relay,cook', INSTANCE_ID: 'a b' };
    expect(() => loadWorkerConfig(broken)).toThrow(ConfigError);
    try {
      loadWorkerConfig(broken);
    } catch (error) {
      const names = (error as ConfigError).problems.map(({ variable }) => variable).sort();
      expect(names).toEqual(['CLAIM_REDIS_URL', 'INSTANCE_ID', 'MYSQL_URL', 'WORKER_ROLES']);
    }
  });

  it('refuses a prefetch that can never fill a batch and a pool without a spare connection', () => {
    expect(() => loadWorkerConfig({ ...NEEDED, CONSUMER_PREFETCH: '10', CONSUMER_BATCH_SIZE: '20' })).toThrow(
      'CONSUMER_PREFETCH',
    );
    expect(() => loadWorkerConfig({ ...NEEDED, CONSUMER_LANES: '4', MYSQL_POOL_SIZE: '4' })).toThrow('MYSQL_POOL_SIZE');
  });

  it('wants a user for the binlog from the role that reads it, unless a Canal server does', () => {
    const reading = { ...NEEDED, WORKER_ROLES: 'binlog' };
    expect(() => loadWorkerConfig(reading)).toThrow('BINLOG_MYSQL_URL');
    const url = 'mysql://coupon_binlog:p@h/coupon';
    expect(loadWorkerConfig({ ...reading, BINLOG_MYSQL_URL: url }).binlog).toEqual({
      url,
      batchSize: 32,
      leaseMs: 2_000,
      heartbeatMs: 250,
    });
    expect(
      loadWorkerConfig({ ...reading, BINLOG_PRODUCER: 'canal', BINLOG_MYSQL_URL: url }).binlog.url,
    ).toBeUndefined();
  });
});
