import type { ActivityId, ErrorCode } from '@coupon/domain';
import { LocalRefusals } from './local-refusals';

const A = '1' as ActivityId;
const B = '2' as ActivityId;

function setUp(): {
  refusals: LocalRefusals;
  written: [string, Record<string, number>][];
  errors: unknown[];
  fail: (error: Error | null) => void;
  connect: (connected: boolean) => void;
} {
  const written: [string, Record<string, number>][] = [];
  const errors: unknown[] = [];
  let failure: Error | null = null;
  let connected = true;
  const refusals = new LocalRefusals({
    write: (id, refused) => {
      if (failure !== null) return Promise.reject(failure);
      written.push([id, Object.fromEntries(refused)]);
      return Promise.resolve();
    },
    isReady: () => connected,
    onError: (error) => errors.push(error),
  });
  return { refusals, written, errors, fail: (error) => (failure = error), connect: (now) => (connected = now) };
}

describe('LocalRefusals', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('writes once a second what has come together, and nothing when nothing has', async () => {
    const { refusals, written } = setUp();
    refusals.start();
    for (let i = 0; i < 100; i += 1) refusals.count(A, 'SOLD_OUT');
    refusals.count(A, 'OVERLOADED', 3);
    refusals.count(B, 'RATE_LIMITED');
    expect(written).toEqual([]);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(written).toEqual([
      [A, { SOLD_OUT: 100, OVERLOADED: 3 }],
      [B, { RATE_LIMITED: 1 }],
    ]);
    await jest.advanceTimersByTimeAsync(5_000);
    expect(written).toHaveLength(2);
    refusals.close();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('keeps what certainly was not written, and lets go what may have been', async () => {
    const { refusals, written, errors, fail } = setUp();
    refusals.count(A, 'SOLD_OUT', 2);
    fail(new Error("READONLY You can't write against a read only replica."));
    await refusals.flush();
    refusals.count(A, 'SOLD_OUT', 3);
    fail(null);
    await refusals.flush();
    expect([written, errors]).toEqual([[[A, { SOLD_OUT: 5 }]], []]);
    refusals.count(A, 'SOLD_OUT', 7);
    fail(new Error('Command timed out'));
    await refusals.flush();
    fail(null);
    await refusals.flush();
    expect([written.length, errors.length]).toEqual([1, 1]);
  });

  it('keeps everything while there is no connection', async () => {
    const { refusals, written, connect } = setUp();
    connect(false);
    refusals.count(A, 'CIRCUIT_OPEN');
    await refusals.flush();
    refusals.count(A, 'CIRCUIT_OPEN');
    connect(true);
    await refusals.flush();
    expect(written).toEqual([[A, { CIRCUIT_OPEN: 2 }]]);
  });

  it('writes the rest when the process ends', async () => {
    const { refusals, written } = setUp();
    refusals.count(A, 'SOLD_OUT');
    const under = refusals.flush();
    refusals.count(A, 'ENDED');
    await refusals.drain();
    await under;
    expect(written).toEqual([
      [A, { SOLD_OUT: 1 }],
      [A, { ENDED: 1 }],
    ]);
  });

  it('remembers a bounded number of activities', async () => {
    const { refusals, written } = setUp();
    for (let id = 1; id <= 5_000; id += 1) refusals.count(String(id) as ActivityId, 'RATE_LIMITED' satisfies ErrorCode);
    await refusals.flush();
    expect(written).toHaveLength(1_000);
    refusals.count('9999' as ActivityId, 'RATE_LIMITED');
    await refusals.flush();
    expect(written).toHaveLength(1_001);
  });
});
