import type { Redis } from 'ioredis';
import { readSaleState, readWinners } from '@coupon/lua';
import { eventually } from '@coupon/testing';
import { coarseJobs } from '../../src/sold-out/coarse-jobs';
import { SoldOutFilter } from '../../src/sold-out/sold-out-filter';
import { useFlow } from './fixture';

const flow = useFlow();
type Sale = Awaited<ReturnType<typeof flow.openSale>>;

interface WaitingClaim {
  readonly user: string;
  readonly done: (answer: string) => void;
}

/** What a gateway does with a claim: hold it if the filter would refuse it, else ask Redis and show the filter what came. */
function aGateway(redis: Redis, sale: Sale) {
  let sent = 0;
  const send = ({ user, done }: WaitingClaim): void => {
    sent += 1;
    void flow.claim(redis, sale, user).then(({ outcome, available }) => {
      filter.observe(sale.activityId, { available, ended: outcome.kind === 'refused' && outcome.code === 'ENDED' });
      done(outcome.kind === 'refused' ? outcome.code : outcome.replayed ? 'REPLAYED' : 'WON');
    });
  };
  const filter = new SoldOutFilter<WaitingClaim>({
    readState: (id) => readSaleState(redis, id, sale.runId),
    loadWinners: (id) => readWinners(redis, id),
    refuse: ({ done }, reason) => done(`${reason} locally`),
    pass: send,
    nowMs: () => performance.now(),
    schedule: coarseJobs(2),
    onError: (error) => {
      throw error;
    },
  });
  const claim = (user: string): Promise<string> =>
    new Promise((done) => {
      if (!filter.hold(sale.activityId, user, 1, { user, done })) send({ user, done });
    });
  return { claim, filter, sent: () => sent };
}

test('two gateways: refusals without a claim, winners of the other one get their receipts, a unit that is back is sold at once', async () => {
  const sale = await flow.openSale(2);
  const a = aGateway(await flow.connect(), sale);
  const b = aGateway(await flow.connect(), sale);
  expect([await a.claim('1'), await b.claim('2')]).toEqual(['WON', 'WON']);
  for (const gateway of [a, b]) {
    await eventually(async () => {
      expect(await gateway.claim('9')).toBe('SOLD_OUT locally');
    });
  }
  const before = a.sent() + b.sent();
  const crowd = await Promise.all(Array.from({ length: 500 }, (_, i) => (i % 2 === 0 ? a : b).claim(String(100 + i))));
  expect(new Set(crowd)).toEqual(new Set(['SOLD_OUT locally']));
  expect(a.sent() + b.sent()).toBe(before);
  expect([await a.claim('2'), await b.claim('1')]).toEqual(['REPLAYED', 'REPLAYED']);

  // A unit comes back, 3 wins it at b and loses the answer: a, which has refused 3 a moment ago, must not refuse it now.
  expect(await a.claim('3')).toBe('SOLD_OUT locally');
  await sale.store.addStock(sale.activityId, { operationId: 'x', add: 1, epoch: 1 });
  expect(await b.claim('3')).toBe('WON');
  expect(await a.claim('3')).toBe('REPLAYED');

  await sale.store.addStock(sale.activityId, { operationId: 'y', add: 1, epoch: 1 });
  expect(await a.claim('4')).toBe('WON');
  await sale.store.setState(sale.activityId, { to: 'ended', epoch: 1 });
  await eventually(async () => {
    expect(await a.claim('9')).toBe('ENDED locally');
  });
  expect(await a.claim('3')).toBe('REPLAYED');
});
