import type { ActivityId, UserId } from '@coupon/domain';
import type { ActivitySnapshot } from '@coupon/lua';
import { issuePurchaseToken } from './issue-purchase-token.use-case';
import { PurchaseTokens } from './purchase-token';
import { SaleReadings } from './sale-readings';

const START_MS = 1_795_000_000_000;
const END_MS = START_MS + 60_000;
const LEAD_MS = 30_000;
const ID = '42' as ActivityId;
const USER = '7' as UserId;

/** A crowd's view of one sale: Redis' clock and ours are an hour apart. */
class Rig {
  reads = 0;
  localMs = 5_000;
  sale: Partial<ActivitySnapshot> = { state: 'open' };
  fails: Error | null = null;
  redisMs = START_MS;
  readonly tokens = new PurchaseTokens({ key: 'k'.repeat(32), ttlMs: 60_000 });
  readonly readings = new SaleReadings(
    () => {
      this.reads += 1;
      if (this.fails !== null) return Promise.reject(this.fails);
      const sale = { startMs: START_MS, endMs: END_MS, ...this.sale, nowMs: this.redisMs };
      return Promise.resolve(sale as ActivitySnapshot);
    },
    () => this.localMs,
  );

  ask(id = ID): Promise<{ token: string; expiresMs: number }> {
    const { tokens, readings } = this;
    return issuePurchaseToken({ tokens, readings, leadMs: LEAD_MS, nowMs: () => START_MS + 3_600_000 }, id, USER);
  }

  async outcome(): Promise<string> {
    try {
      const { token } = await this.ask();
      return this.tokens.verify(token, ID, USER, START_MS + 3_600_000) ? 'token' : 'a token that is not good';
    } catch (error) {
      return (error as { code: string }).code;
    }
  }
}

describe('a purchase token is given out', () => {
  it.each<[string, Partial<ActivitySnapshot>, number, string]>([
    ['while the sale is open', { state: 'open' }, START_MS, 'token'],
    ['shortly before', { state: 'open' }, START_MS - LEAD_MS, 'token'],
    ['shortly before, still closed', { state: 'closed' }, START_MS - 1, 'token'],
    ['not earlier', { state: 'open' }, START_MS - LEAD_MS - 1, 'NOT_STARTED'],
    ['not when it is late to open', { state: 'closed' }, START_MS, 'NOT_READY'],
    ['not in a pause', { state: 'paused' }, START_MS, 'PAUSED'],
    ['to the last moment', { state: 'open' }, END_MS - 1, 'token'],
    ['not after the end', { state: 'open' }, END_MS, 'ENDED'],
    ['not when it was ended', { state: 'ended' }, START_MS, 'ENDED'],
  ])('%s', async (_when, sale, redisMs, expected) => {
    const rig = new Rig();
    rig.sale = sale;
    rig.redisMs = redisMs;
    await expect(rig.outcome()).resolves.toBe(expected);
  });
});

describe('readings of a sale', () => {
  it('are one question to Redis per second, however many ask, and move on with the clock in between', async () => {
    const rig = new Rig();
    rig.redisMs = START_MS - LEAD_MS - 999;
    await expect(Promise.all([rig.outcome(), rig.outcome()])).resolves.toEqual(['NOT_STARTED', 'NOT_STARTED']);
    rig.localMs += 998;
    await expect(rig.outcome()).resolves.toBe('NOT_STARTED');
    rig.localMs += 1;
    await expect(rig.outcome()).resolves.toBe('token');
    expect(rig.reads).toBe(1);
    rig.localMs += 1;
    await rig.outcome();
    expect(rig.reads).toBe(2);
    await rig.readings.now('43' as ActivityId);
    expect(rig.reads).toBe(3);
  });

  it('that failed are asked for again after that second, not sooner', async () => {
    const rig = new Rig();
    rig.fails = new Error('no such activity');
    for (let i = 0; i < 3; i += 1) await expect(rig.ask()).rejects.toThrow('no such activity');
    expect(rig.reads).toBe(1);
    rig.fails = null;
    rig.localMs += 1_000;
    await expect(rig.outcome()).resolves.toBe('token');
  });

  it('are remembered for a bounded number of activities', async () => {
    const rig = new Rig();
    for (let id = 1; id <= 10_001; id += 1) await rig.readings.now(String(id) as ActivityId);
    await rig.readings.now('10001' as ActivityId);
    expect(rig.reads).toBe(10_001);
    await rig.readings.now('1' as ActivityId);
    expect(rig.reads).toBe(10_002);
  });
});
