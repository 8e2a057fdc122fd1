import { clickUntilAnswered, letCrowdClick } from './load/crowd';
import type { CrowdOptions } from './load/crowd';
import { Ledger } from './load/ledger';
import type { Answer } from './load/ledger';
import type { SecondSaleReport } from './report/report';
import type { Stage } from './stage';
import { planCollectors, planPassersBy } from './scenario/buyers';
import type { Buyer } from './scenario/buyers';
import { expectRefusals, storyOf, unexpectedCodes } from './verify/verify-answers';
import { verifySale } from './verify/verify-sale';
import { named } from './verify/violation';
import type { Violation } from './verify/violation';

export interface SecondSale {
  readonly activityId: string;
  readonly report: SecondSaleReport;
  readonly violations: readonly Violation[];
}

const LIMIT = 2;
const CLICKS_EACH = 4;
const PASSERS_BY = 50;
const SPARE_STOCK = 10;
const CONCURRENCY = 64;
const LOADED_TIMEOUT_MS = 30_000;

/** Coupons of the second sale, for the template's total. */
export function secondSaleStock(buyers: number): number {
  return buyers * LIMIT + SPARE_STOCK;
}

/**
 * A small sale of two coupons each that is never sold out: people who come too early, buyers who want more than the limit, people who
 * come too late, and winners who ask again after the end.
 */
export async function runSecondSale(stage: Stage, terms: { templateId: string; buyers: number }): Promise<SecondSale> {
  const { marketing, client } = stage;
  const stock = secondSaleStock(terms.buyers);
  const nowMs = Date.now();
  const activityId = await marketing.createActivity({
    templateId: terms.templateId,
    name: 'two each',
    totalCount: stock,
    perUserLimit: LIMIT,
    startMs: nowMs + 120_000,
    endMs: nowMs + 3_600_000,
  });
  const ledger = new Ledger();
  const crowd: CrowdOptions = {
    activityId,
    ledger,
    concurrency: CONCURRENCY,
    purchase: (id, click) => client.purchase(id, click),
    sleep: stage.sleep,
    signal: stage.signal,
  };
  const collectors = planCollectors(terms.buyers, CLICKS_EACH);
  await untilLoaded(stage, activityId);
  const early = await answersOf(planPassersBy(PASSERS_BY, terms.buyers), crowd);
  await marketing.start(activityId);
  await letCrowdClick(collectors, crowd);
  await marketing.end(activityId);
  const late = await answersOf(planPassersBy(PASSERS_BY, terms.buyers + PASSERS_BY), crowd);
  const repeated = await repeatWon(collectors, crowd);
  await stage.untilStored(activityId, ledger.heard.size);
  const truth = await stage.truth.sale(activityId);
  return {
    activityId,
    report: {
      buyers: terms.buyers,
      limit: LIMIT,
      clicks_each: CLICKS_EACH,
      accepted: ledger.heard.size,
      replayed: ledger.replayed,
      refused: ledger.refused,
      persisted: truth.rows.length,
    },
    violations: [
      ...verifySale({ stock, perUserLimit: LIMIT, demand: terms.buyers * LIMIT }, storyOf(ledger), truth),
      ...expectRefusals(early, 'NOT_STARTED', 'before the start'),
      ...expectRefusals(late, 'ENDED', 'after the end'),
      ...repeated,
      ...unexpectedCodes(ledger, ['NOT_STARTED', 'LIMIT_REACHED', 'ENDED']),
    ],
  };
}

/** An activity that nobody starts is loaded ahead of its time; then the gateway knows it. */
async function untilLoaded(stage: Stage, activityId: string): Promise<void> {
  await stage.until(
    async () =>
      (await fetch(`${stage.gatewayUrl}/api/v1/seckill/stats/${activityId}`, { headers: stage.operatorHeaders })).ok,
    LOADED_TIMEOUT_MS,
    'the second sale was not loaded ahead of its start',
  );
}

async function answersOf(buyers: readonly Buyer[], crowd: CrowdOptions): Promise<Answer[]> {
  return Promise.all(buyers.flatMap(({ together }) => together.map((click) => clickUntilAnswered(click, crowd))));
}

/** Winners ask again with the key that won, after the end: the ledger notes any other receipt, a refusal is reported here. */
async function repeatWon(collectors: readonly Buyer[], crowd: CrowdOptions): Promise<Violation[]> {
  const winners = new Set(crowd.ledger.heard.values());
  const some = collectors.filter(({ userId }) => winners.has(userId)).slice(0, PASSERS_BY);
  const strange: string[] = [];
  for (const { userId, together } of some) {
    const answers = await Promise.all(together.map((click) => clickUntilAnswered(click, crowd)));
    const replayed = answers.filter((answer) => answer.kind === 'accepted' && answer.replayed).length;
    if (replayed !== LIMIT) strange.push(userId);
  }
  return strange.length === 0
    ? []
    : [named('unexpected_answer', strange, 'after the end: winners who did not get their receipts again')];
}
