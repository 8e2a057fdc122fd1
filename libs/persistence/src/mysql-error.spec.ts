import { TransactionError } from './client/transaction-error';
import { classifyMysqlError } from './mysql-error';

const wrapped = (originalCode: string, originalMessage: string): unknown =>
  Object.assign(new Error('Raw query failed'), {
    code: 'P2010',
    meta: {
      driverAdapterError: { name: 'DriverAdapterError', cause: { originalCode, originalMessage, kind: 'mysql' } },
    },
  });

it.each([
  ["Duplicate entry 'a' for key 'user_coupons.uq_sn'", 'uq_sn'],
  ["Duplicate entry 'it's for key 'x' of' for key 'uq_slot'", 'uq_slot'],
  ["Duplicate entry '1-1' for key 'claim_events.PRIMARY'", 'PRIMARY'],
])('finds the key in %s', (message, key) => {
  expect(classifyMysqlError(wrapped('1062', message))).toEqual({ kind: 'duplicate', key });
});

it.each([
  ['1213', 'retryable'],
  ['1205', 'retryable'],
  ['1406', 'data'],
  ['3819', 'data'],
  ['4025', 'data'],
  ['1040', 'infrastructure'],
  ['1290', 'infrastructure'],
  ['1053', 'infrastructure'],
  ['1146', 'infrastructure'],
  ['45028', 'infrastructure'],
  ['99999', 'infrastructure'],
])('calls server error %s %s', (code, kind) => {
  expect(classifyMysqlError(wrapped(code, 'm'))).toMatchObject({ kind });
});

it('sees through causes and the bare error of the driver', () => {
  const bare = Object.assign(new Error('x'), { errno: 1452, sqlMessage: 'fk', sqlState: '23000' });
  expect(classifyMysqlError(new Error('outer', { cause: new Error('inner', { cause: bare }) }))).toMatchObject({
    kind: 'data',
  });
  const unlisted = Object.assign(new Error('x'), { errno: 5_555, sqlMessage: 'm', sqlState: '22018' });
  expect(classifyMysqlError(unlisted)).toMatchObject({ kind: 'data' });
});

it.each([
  ['P2034', 'retryable'],
  ['P2003', 'data'],
  ['P2028', 'infrastructure'],
  ['P1001', 'infrastructure'],
])('calls Prisma’s own %s %s', (code, kind) => {
  expect(classifyMysqlError(Object.assign(new Error('x'), { code }))).toMatchObject({ kind });
});

it.each([
  ['a socket’s', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', errno: -104, sqlState: 'HY000' })],
  [
    'Prisma’s word for it',
    Object.assign(new Error('write EPIPE'), { name: 'PrismaClientKnownRequestError', code: 'EPIPE' }),
  ],
  ['a transaction’s', new TransactionError('timed-out')],
])('calls the end of a connection infrastructure: %s', (_, error) => {
  expect(classifyMysqlError(error)).toMatchObject({ kind: 'infrastructure' });
});

it('does not take every system error for the database’s', () => {
  expect(classifyMysqlError(Object.assign(new Error('no file'), { code: 'ENOENT', errno: -2 }))).toEqual({
    kind: 'unknown',
  });
});

it('does not mistake a chain without end for anything', () => {
  const endless: { cause?: unknown } = {};
  endless.cause = endless;
  expect(classifyMysqlError(endless)).toEqual({ kind: 'unknown' });
});
