import type { Errand, Outcome } from './errand';
import { errand, errandsAtEveryBranch, mixedErrands, sameWish } from './errands';
import type { FaultRun, SagaFault } from './fault';
import { BRANCH_POINTS, LOOK_INTERVAL_MS } from './holds';
import type { Product, Shelf } from './shelf';

/** So many sagas at least are under way when something strikes. */
export const LEAST_IN_FLIGHT = 20;
const TAKEN = ['LOCKED_BY_ANOTHER_ORDER', 'ALREADY_USED'];
const SECOND_PASSES = 4;
const BRANCHES = BRANCH_POINTS.length;

async function killAndRestart(run: FaultRun, index: number): Promise<void> {
  const instance = run.stage.participants[index];
  if (instance === undefined) throw new Error(`there is no process ${index}`);
  await instance.kill();
  run.note('kills');
  await run.pause(0, 300);
  await instance.start();
}

/** Every branch stands before its commit, then both processes die. */
async function killBeforeCommit(run: FaultRun): Promise<void> {
  await arrive(run);
  await Promise.all(
    run.stage.participants.map(async (instance) => {
      await instance.kill();
      run.note('kills');
    }),
  );
  await run.holds.release();
  await Promise.all(run.stage.participants.map((instance) => instance.start()));
}

/** Every branch commits, DTM is not told, then both processes die. */
async function killAfterCommit(run: FaultRun): Promise<void> {
  const { stage, holds } = run;
  await arrive(run);
  stage.setBranchAnswers('drop-replies');
  await holds.release();
  await run.until('the commit of every branch that was held', async () => (await holds.committed()) >= holds.count);
  run.note('committed', await holds.committed());
  await Promise.all(stage.participants.map((instance) => instance.kill().then(() => run.note('kills'))));
  stage.setBranchAnswers('pass');
  await Promise.all(stage.participants.map((instance) => instance.start()));
}

async function arrive(run: FaultRun): Promise<void> {
  const { holds } = run;
  let missing: string[] = [];
  const what = (): string =>
    `calls to arrive at their barriers: ${holds.count} of ${BRANCHES} held, missing ${missing.join(', ')}`;
  await run.until(
    what,
    async () => {
      missing = await holds.missing();
      return holds.count === BRANCHES && missing.length === 0;
    },
    LOOK_INTERVAL_MS,
  );
  run.note('branches', holds.count);
}

async function strikeServer(run: FaultRun, restart: (downMs: () => Promise<void>) => Promise<void>): Promise<void> {
  await run.untilInFlight(LEAST_IN_FLIGHT);
  await run.pause(0, 400);
  await restart(() => run.pause(0, 600));
  run.note('kills');
}

/** Every fault of the matrix, in the order in which they are struck. */
export function sagaFaults(): readonly SagaFault[] {
  return [
    {
      name: 'saga-participant killed at random moments',
      disturbs: true,
      errands: mixedErrands,
      strike: async (run) => {
        await run.untilInFlight(LEAST_IN_FLIGHT);
        for (const index of run.random.shuffle([0, 1])) {
          await run.pause(0, 500);
          await killAndRestart(run, index);
        }
      },
      needs: { kills: 2 },
    },
    {
      name: 'saga-participant killed before the commit of every branch',
      disturbs: true,
      errands: errandsAtEveryBranch,
      strike: killBeforeCommit,
      branchDelayMs: [0, 0],
      needs: { kills: 2, branches: BRANCHES },
    },
    {
      name: 'saga-participant killed after the commit of every branch',
      disturbs: true,
      errands: errandsAtEveryBranch,
      strike: killAfterCommit,
      branchDelayMs: [0, 0],
      needs: { kills: 2, branches: BRANCHES, committed: BRANCHES },
    },
    {
      name: 'DTM killed and restarted on its store',
      disturbs: true,
      errands: mixedErrands,
      strike: (run) =>
        strikeServer(run, async (down) => {
          await run.stage.dtm.kill();
          await down();
          await run.stage.dtm.start();
        }),
      needs: { kills: 1 },
    },
    {
      name: 'MySQL killed and restarted',
      disturbs: true,
      errands: mixedErrands,
      strike: (run) =>
        strikeServer(run, async (down) => {
          await run.stage.mysql.kill();
          await down();
          await run.stage.mysql.start();
        }),
      needs: { kills: 1 },
    },
    {
      name: 'store of DTM down at submit',
      disturbs: true,
      errands: mixedErrands,
      prepare: async ({ stage }) => {
        stage.store.setMode('refuse');
        stage.store.cut();
        return Promise.resolve();
      },
      strike: async (run) => {
        await run.untilInFlight(LEAST_IN_FLIGHT);
        await run.pause(300, 1_500);
        const [row] = await run.stage.query<{ n: string }>(
          `SELECT COUNT(*) AS n FROM ${run.stage.shopName}.saga_runs r
         WHERE r.finished_at IS NULL AND NOT EXISTS (SELECT 1 FROM ${run.stage.dtmName}.trans_global g WHERE g.gid = r.gid)`,
        );
        run.note('not stored', Number(row?.n));
        run.stage.store.setMode('pass');
      },
      needs: { 'not stored': LEAST_IN_FLIGHT },
    },
    {
      name: 'branches that take longer than DTM waits',
      disturbs: true,
      errands: (shelf, random) => mixedErrands(shelf, random, 24),
      prepare: ({ stage, random }) => Promise.resolve(stage.setBranchDelay(() => random.int(3_100, 3_800))),
      strike: async (run) => {
        await run.untilInFlight(LEAST_IN_FLIGHT);
        await run.pause(2_000, 3_200);
        run.stage.setBranchDelay(() => run.random.int(0, 50));
        run.note('slow');
      },
      needs: { slow: 1, duplicate: 1 },
    },
    secondPass(),
    { name: 'payment declined', disturbs: false, errands: (shelf) => sameWish(shelf, 'decline') },
    { name: 'order of 0.00', disturbs: false, errands: (shelf) => sameWish(shelf, 'nothing-to-pay') },
    {
      name: 'stock short',
      disturbs: false,
      errands: async (shelf) => {
        const [product, scarce] = [await shelf.product(), await shelf.product(10)];
        const people = await shelf.coupons(30);
        // One unit of the scarce product each: the first position is bought once.
        return people.map((coupons) => errand(shelf, 'pay', coupons, [scarce, product], { mayFailWith: ['SOLD_OUT'] }));
      },
      expect: (outcomes) => exactly(outcomes, 'PAID', 10),
    },
    priceChanged(),
    {
      name: 'coupon locked by another order',
      disturbs: false,
      errands: async (shelf) => {
        const product = await shelf.product();
        const people = await shelf.coupons(24);
        return people.map((coupons) =>
          errand(shelf, 'pay', coupons, [product], {
            rival: errand(shelf, 'pay', coupons, [product], { mayFailWith: TAKEN }),
          }),
        );
      },
      expect: (outcomes) => exactly(outcomes, 'PAID', 24),
    },
    {
      name: 'the same checkout ten times at once',
      disturbs: false,
      errands: async (shelf) => (await sameWish(shelf, 'pay', 28)).map((one) => ({ ...one, copies: 10 })),
      expect: (outcomes) => exactly(outcomes, 'PAID', 28),
    },
    {
      name: 'two orders for one coupon',
      disturbs: false,
      errands: async (shelf) => {
        const product = await shelf.product();
        const people = await shelf.coupons(24);
        return people.flatMap((coupons) =>
          [1, 2].map(() => errand(shelf, 'pay', coupons, [product], { mayFailWith: TAKEN })),
        );
      },
      expect: (outcomes) => exactly(outcomes, 'PAID', 24),
    },
    {
      name: 'payment and end of the order at the same moment',
      disturbs: true,
      errands: async (shelf) => {
        const product = await shelf.product();
        const people = await shelf.coupons(100);
        return people.map((coupons, index) => {
          const wish = index % 2 === 0 ? 'pay-while-cancelling' : 'pay-at-deadline';
          // Of some, the coupon is in another order as soon as it is free: their money can only go back.
          const snatcher = index % 4 < 2 ? errand(shelf, 'pay', coupons, [product], { mayFailWith: TAKEN }) : undefined;
          return errand(shelf, wish, coupons, [product], { snatcher });
        });
      },
      branchDelayMs: [0, 30],
      concurrency: 40,
      expect: (outcomes) => {
        const raced = outcomes.filter(({ errand: { wish } }) => wish !== 'pay');
        const ends = new Set(raced.map(({ status }) => status));
        const isRight = raced.length === 100 && ends.size === 2 && ends.has('PAID') && ends.has('REFUNDED');
        return isRight ? [] : [`${raced.length} orders are ${[...ends].join(' and ')}, not 100 PAID and REFUNDED`];
      },
    },
  ];
}

/**
 * Calls of one coordinator that are still on their way when another has rolled the saga back. The price changes after the lock; further
 * coordinators on the same store begin a second pass meanwhile, over connections of which each has a delay of its own.
 */
function secondPass(): SagaFault {
  let dear: Product | undefined;
  return {
    name: 'second pass that runs on after a rollback',
    disturbs: true,
    errands: async (shelf) => {
      dear = await shelf.product();
      const product = dear;
      const people = await shelf.coupons(24);
      return people.map((coupons) => errand(shelf, 'pay', coupons, [product], { mayFailWith: ['PRICE_CHANGED'] }));
    },
    prepare: async ({ stage, random }) => {
      await stage.addCoordinators(SECOND_PASSES);
      stage.setBranchDelay(() => random.int(800, 2_600));
    },
    strike: async (run) => {
      await run.untilInFlight(LEAST_IN_FLIGHT);
      // The first pass is on its way and slow; those that overtake it make connections of their own.
      run.stage.setBranchDelay(() => run.random.int(20, 900), { openOnesKeepTheirs: true });
      const before = await rolledBack(run);
      await changePrice(run, dear, '101.00');
      await run.until('half of the sagas to be rolled back', async () => (await rolledBack(run)) >= before + 12);
      await changePrice(run, dear, '100.00');
      await run.pause(2_600, 3_000);
      await run.stage.removeCoordinators();
    },
    needs: { compensated: 1 },
  };
}

function priceChanged(): SagaFault {
  const products: Product[] = [];
  return {
    name: 'price changed between quote and branch',
    disturbs: false,
    errands: async (shelf: Shelf) => {
      products.splice(0, products.length, await shelf.product(), await shelf.product());
      const people = await shelf.coupons(26);
      return people.map((coupons, index): Errand => {
        const product = products[index % 2];
        return errand(shelf, 'pay', coupons, product === undefined ? [] : [product], {
          mayFailWith: ['PRICE_CHANGED'],
        });
      });
    },
    strike: async (run) => {
      await run.untilInFlight(LEAST_IN_FLIGHT);
      await changePrice(run, products[0], '99.99');
    },
    branchDelayMs: [350, 450],
    // Half of them ask for the product that stays as it is.
    expect: (outcomes) => [...exactly(outcomes, 'PAID', 13), ...exactly(outcomes, 'FAILED', 13)],
  };
}

async function changePrice({ stage }: FaultRun, product: Product | undefined, price: string): Promise<void> {
  if (product === undefined) throw new Error('there is no product');
  await stage.query(`UPDATE ${stage.shopName}.products SET price = ? WHERE id = ?`, [price, product.id]);
}

async function rolledBack({ stage }: FaultRun): Promise<number> {
  const [row] = await stage.query<{ n: string }>(
    `SELECT COUNT(*) AS n FROM ${stage.shopName}.saga_runs WHERE state = 'FAILED'`,
  );
  return Number(row?.n);
}

function exactly(outcomes: readonly Outcome[], status: string, count: number): string[] {
  const found = outcomes.filter((outcome) => outcome.status === status).length;
  return found === count ? [] : [`${found} orders are ${status}, not ${count}`];
}
