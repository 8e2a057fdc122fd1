import { driverConfig, poolConfig } from './connection-config';

it('reads every part of the URL', () => {
  expect(driverConfig('mysql://us%40er:p%3Aw@[::1]:3307/coupon?ssl=true')).toMatchObject({
    host: '::1',
    port: 3307,
    user: 'us@er',
    password: 'p:w',
    database: 'coupon',
    ssl: true,
    allowPublicKeyRetrieval: false,
  });
  expect(driverConfig('mysql://root@db')).toMatchObject({ host: 'db', port: 3306, user: 'root' });
  expect(driverConfig('mysql://root@db')).not.toHaveProperty('database');
});

it.each(['', 'db:3306', 'postgres://u:secret@h/d', 'mysql:///coupon'])('refuses %p', (url) => {
  expect(() => driverConfig(url)).toThrow('must look like mysql://');
});

it('keeps the defaults of the pool and never more idle connections than the pool has', () => {
  expect(poolConfig('mysql://u@h/d')).toMatchObject({ connectionLimit: 100, minimumIdle: 10, idleTimeout: 3_600 });
  expect(poolConfig('mysql://u@h/d', { poolSize: 4 })).toMatchObject({ connectionLimit: 4, minimumIdle: 4 });
});
