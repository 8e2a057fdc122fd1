import { verifyRedemption } from '@coupon/demo';
import type { OrderStory } from '@coupon/demo';
import { eventually } from '@coupon/testing';
import type { SeededRandom } from '@coupon/testing';
import type { FaultRun, SagaFault } from './fault';
import { LEAST_IN_FLIGHT } from './faults';
import { BarrierHolds } from './holds';
import type { Shelf } from './shelf';
import { Shoppers } from './shopper';
import type { SagaStage } from './stage';
import { openTransactions, readSagaTruth } from './verify/saga-truth';
import { verifySagas } from './verify/verify-sagas';

export interface FaultContext {
  readonly stage: SagaStage;
  readonly shelf: Shelf;
  /** Of all faults on this stage: the verification reads whole databases. */
  readonly stories: OrderStory[];
  /** What was found before; it is not the next fault's doing. */
  readonly found: Set<string>;
  readonly random: SeededRandom;
  readonly signal: AbortSignal;
}

export interface FaultReport {
  readonly fault: string;
  /** Until it hit. */
  readonly attempts: number;
  readonly durationMs: number;
  /** Of `durationMs`: from the last answer to the last saga and event. */
  readonly restMs: number;
  /** Sagas under way at the same time, at most. */
  readonly mostInFlight: number;
  readonly ends: Readonly<Record<string, number>>;
  readonly notes: Readonly<Record<string, number>>;
  /** What is wrong; empty when all is well. */
  readonly wrong: readonly string[];
}

const DEFAULT_DELAY_MS = [20, 120] as const;
const PATIENCE_MS = 60_000;
const REST_MS = 60_000;
const WAIT_MS = 20_000;
const SAMPLE_MS = 15;
const LOOK_MS = 25;
const MOST_ATTEMPTS = 8;
const VERDICTS = ['compensated', 'duplicate'] as const;

/** One strike, and whether it has hit. */
interface Attempt {
  readonly report: Omit<FaultReport, 'attempts'>;
  /** Why the fault has not happened; empty when it has. */
  readonly missed: readonly string[];
}

/**
 * One fault while customers are at their errands; then everything comes to rest and is compared with everything else. Whether a fault hits is
 * a matter of chance: one that has not is struck again, with other customers.
 */
export async function runFault(fault: SagaFault, context: FaultContext): Promise<FaultReport> {
  for (let attempt = 1; ; attempt += 1) {
    const { report, missed } = await strikeOnce(fault, context);
    const isOver = missed.length === 0 || report.wrong.length > 0 || attempt === MOST_ATTEMPTS;
    if (isOver) return { ...report, attempts: attempt, wrong: [...report.wrong, ...missed] };
  }
}

async function strikeOnce(fault: SagaFault, context: FaultContext): Promise<Attempt> {
  const { stage, shelf, random, signal } = context;
  const startedMs = performance.now();
  const holds = new BarrierHolds(stage);
  const notes: Record<string, number> = {};
  const run = faultRun(context, holds, notes);
  const shoppers = new Shoppers({
    ...{ clients: stage.clients, random, holds, isDisturbed: fault.disturbs, patienceMs: PATIENCE_MS, signal },
  });
  const [from, to] = fault.branchDelayMs ?? DEFAULT_DELAY_MS;
  stage.setBranchDelay(() => random.int(from, to));
  const before = await verdicts(stage);
  const errands = await fault.errands(shelf, random);
  await fault.prepare?.(run);
  const sampler = sampleInFlight(stage);
  const wrong: string[] = [];
  const missed: string[] = [];
  try {
    const [, struck] = await Promise.allSettled([
      shoppers.live(errands, fault.concurrency ?? errands.length),
      strike(fault, run),
    ]);
    if (struck.status === 'rejected') missed.push(`the fault could not strike: ${String(struck.reason)}`);
  } finally {
    await sampler.stop();
    stage.setBranchDelay(() => 0);
    stage.setBranchAnswers('pass');
    stage.store.setMode('pass');
    await stage.removeCoordinators();
    await holds.release().catch(() => undefined); // of a server that died meanwhile
    holds.close();
  }
  const answeredMs = performance.now();
  await rest(stage).catch((error: unknown) => wrong.push(`no rest: ${String(error)}`));
  const restMs = performance.now() - answeredMs;
  const after = await verdicts(stage);
  for (const [index, verdict] of VERDICTS.entries()) {
    const count = (after[index] ?? 0) - (before[index] ?? 0);
    if (count > 0) notes[verdict] = count;
  }
  context.stories.push(...shoppers.stories);
  wrong.push(...shoppers.strange, ...(fault.expect?.(shoppers.outcomes) ?? []), ...(await verify(context)));
  const ends: Record<string, number> = {};
  for (const { status, reasonCode } of shoppers.outcomes) {
    const end = status ?? `refused ${reasonCode ?? ''}`.trim();
    ends[end] = (ends[end] ?? 0) + 1;
  }
  const durationMs = performance.now() - startedMs;
  const report = { fault: fault.name, durationMs, restMs, mostInFlight: sampler.most(), ends, notes, wrong };
  return { report, missed: [...missed, ...missing(fault, notes, sampler.most())] };
}

/** What comes after it is to be over soon: one serial loop of DTM brings back what was interrupted. */
async function strike(fault: SagaFault, run: FaultRun): Promise<void> {
  if (fault.strike === undefined) return;
  try {
    await fault.strike(run);
  } catch (error) {
    // Whoever stands at a barrier may go on, and DTM hears of it: the errands come to their ends without the fault.
    run.stage.setBranchAnswers('pass');
    run.stage.store.setMode('pass');
    await run.holds.release();
    throw error;
  } finally {
    run.stage.setBranchDelay(() => 0);
  }
}

/** A fault that has not happened, or to nobody, proves nothing. */
function missing({ needs = {} }: SagaFault, notes: Readonly<Record<string, number>>, mostInFlight: number): string[] {
  const absent = Object.entries(needs)
    .filter(([what, least]) => (notes[what] ?? 0) < least)
    .map(([what, least]) => `the fault has not happened: ${what} ${notes[what] ?? 0} of ${least}`);
  return mostInFlight >= LEAST_IN_FLIGHT ? absent : [...absent, `only ${mostInFlight} sagas were in flight`];
}

async function verify({ stage, shelf, stories, found }: FaultContext): Promise<string[]> {
  const truth = await stage.databases.read();
  const findings = [
    ...verifyRedemption(truth, { orders: stories, initialStock: shelf.initialStock }),
    ...verifySagas(await readSagaTruth(stage), truth),
  ];
  const texts = findings.map(({ kind, count, detail }) => `${kind} (${count}): ${detail}`);
  const fresh = texts.filter((text) => !found.has(text));
  for (const text of fresh) found.add(text);
  return fresh;
}

function rest(stage: SagaStage): Promise<unknown> {
  return eventually(async () => (await stage.databases.isAtRest()) && (await openTransactions(stage)) === 0, {
    timeoutMs: REST_MS,
    intervalMs: 100,
  });
}

function verdicts(stage: SagaStage): Promise<number[]> {
  return Promise.all(VERDICTS.map((verdict) => stage.barrierVerdicts(verdict)));
}

function faultRun(context: FaultContext, holds: BarrierHolds, notes: Record<string, number>): FaultRun {
  const { stage, random, signal } = context;
  const until: FaultRun['until'] = async (what, check, intervalMs = LOOK_MS) => {
    try {
      await eventually(check, { timeoutMs: WAIT_MS, intervalMs });
    } catch (cause) {
      throw new Error(`waited in vain for ${typeof what === 'string' ? what : what()}`, { cause });
    }
  };
  return {
    ...{ stage, random, signal, holds, until },
    untilInFlight: (count) => until(`${count} sagas in flight`, async () => (await stage.sagasInFlight()) >= count),
    pause: (from, to) => new Promise((resolve) => setTimeout(resolve, random.int(from, to))),
    note: (what, count = 1) => {
      notes[what] = (notes[what] ?? 0) + count;
    },
  };
}

function sampleInFlight(stage: SagaStage): { stop: () => Promise<void>; most: () => number } {
  let most = 0;
  let isOver = false;
  const looking = (async () => {
    while (!isOver) {
      // MySQL may be the one that was killed.
      most = Math.max(most, await stage.sagasInFlight().catch(() => 0));
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    }
  })();
  return {
    most: () => most,
    stop: async () => {
      isOver = true;
      await looking;
    },
  };
}
