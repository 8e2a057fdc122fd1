import { labelled, queueDepth, signToken } from '@coupon/platform';
import type { Platform, Screen } from '@coupon/platform';
import { seededRandom } from '@coupon/testing';
import { PurchaseClient } from './load/purchase-client';
import { runMainSale } from './main-sale';
import { Marketing } from './marketing';
import type { ConservationReport } from './marketing';
import type { DemoOptions } from './options';
import { runRedemption } from './redemption/run-redemption';
import { buildReport } from './report/report';
import type { DemoReport } from './report/report';
import { runSecondSale, secondSaleStock } from './second-sale';
import { Stage } from './stage';
import { MysqlTruth } from './verify/read-truth';
import type { Violation } from './verify/violation';

export interface RunDemoInput {
  readonly platform: Platform;
  readonly options: DemoOptions;
  readonly screen: Screen;
  readonly signal: AbortSignal;
  /** performance.now() when the command began. */
  readonly startedMs: number;
}

const DLQ = 'seckill-worker.claims.dlq';
const QUEUE = 'seckill-worker.claims';
const CONNECTIONS_EACH = 64;
const SETTLE_TIMEOUT_MS = 20_000;

/** The story from the template to the proof, on a platform that is up. */
export async function runDemo(input: RunDemoInput): Promise<DemoReport> {
  const stage = openStage(input);
  try {
    return await tell(stage, input);
  } finally {
    await stage.client.close();
    await stage.truth.close();
  }
}

async function tell(stage: Stage, { platform, options, screen, startedMs }: RunDemoInput): Promise<DemoReport> {
  const collectors = Math.min(200, Math.max(10, Math.floor(options.buyers / 100)));
  const templateId = await stage.marketing.publishTemplate({
    name: 'noon sale: 20 off from 100',
    totalCount: options.stock + secondSaleStock(collectors),
    perUserLimit: 2,
    nowMs: Date.now(),
  });
  screen.line(labelled('template', `${templateId} published`));
  const second = await runSecondSale(stage, { templateId, buyers: collectors });
  screen.line(labelled('warm-up', `sale of two each over, ${second.report.accepted} coupons to ${collectors} buyers`));
  const main = await runMainSale(stage, { ...options, templateId, random: seededRandom(options.seed) });
  screen.line(labelled('checking', 'every coupon against MySQL'));
  const conservation = await settledReport(stage, main.activityId);
  const other = await settledReport(stage, second.activityId);
  const [leftovers, deadLetters] = await checkLeftovers(
    stage,
    platform,
    main.truth.rows.length + second.report.persisted,
  );
  const redemption =
    options.checkouts > 0
      ? await runRedemption(stage, platform, {
          checkouts: options.checkouts,
          heard: main.ledger.heard,
          random: seededRandom(options.seed),
        })
      : undefined;
  const violations = [
    ...main.violations,
    ...second.violations.map((one) => ({ ...one, detail: `second sale: ${one.detail}` })),
    ...conservationViolations('main sale', conservation),
    ...conservationViolations('second sale', other),
    ...leftovers,
    ...(redemption?.violations ?? []),
  ];
  return buildReport({
    ...options,
    gateways: platform.all('seckill-gateway').length,
    ledger: main.ledger,
    persisted: main.truth.rows.length,
    stormMs: main.stormMs,
    drainMs: main.drainMs,
    conservation,
    browsing: main.browsing,
    secondSale: second.report,
    deadLetters,
    redemption: redemption?.report,
    violations,
    totalMs: performance.now() - startedMs,
  });
}

function openStage({ platform, screen, signal }: RunDemoInput): Stage {
  const { auth } = platform;
  return new Stage({
    marketing: new Marketing(platform.one('coupon-admin').httpUrl, platform.operatorHeaders()),
    client: new PurchaseClient({
      gateways: platform.all('seckill-gateway').map(({ httpUrl }) => httpUrl),
      connectionsEach: CONNECTIONS_EACH,
      tokenOf: auth.mode === 'jwt' ? (userId) => signToken(auth.hs256Secret, { subject: userId }) : undefined,
    }),
    truth: new MysqlTruth(platform.database.adminUrl),
    screen,
    gatewayUrl: platform.one('seckill-gateway').httpUrl,
    operatorHeaders: platform.operatorHeaders(),
    signal,
  });
}

/** The platform's own report, once nothing is on its way any more; the last one when that does not happen in time. */
async function settledReport(stage: Stage, activityId: string): Promise<ConservationReport> {
  const deadline = performance.now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    const report = await stage.marketing.reconciliation(activityId);
    const settled = report.verdict === 'ok' || report.verdict === 'violation';
    if (settled || performance.now() > deadline) return report;
    await stage.sleep(200);
  }
}

function conservationViolations(which: string, report: ConservationReport): Violation[] {
  if (report.verdict === 'ok') return [];
  return [{ kind: 'conservation', count: 1, detail: `${which}: ${JSON.stringify(report)}` }];
}

/** Nothing may lie in a queue, among the dead letters, or in MySQL beyond the two sales. */
async function checkLeftovers(stage: Stage, platform: Platform, soldCoupons: number): Promise<[Violation[], number]> {
  const { url } = platform.servers.endpoints.rabbitmq;
  const [dead, waiting, indexed, coupons] = await Promise.all([
    queueDepth(url, DLQ),
    queueDepth(url, QUEUE),
    stage.truth.deadLetters(),
    stage.truth.allCoupons(),
  ]);
  const violations: Violation[] = [];
  if (dead === undefined) violations.push({ kind: 'dead_letters', count: 1, detail: `there is no queue ${DLQ}` });
  if (dead) violations.push({ kind: 'dead_letters', count: dead, detail: `messages in ${DLQ}` });
  if (indexed > 0) violations.push({ kind: 'dead_letters', count: indexed, detail: 'rows in dead_letters' });
  if (waiting) violations.push({ kind: 'count_mismatch', count: waiting, detail: `messages left in ${QUEUE}` });
  if (coupons !== soldCoupons) {
    const detail = `MySQL has ${coupons} coupons in all, the two sales have ${soldCoupons}`;
    violations.push({ kind: 'unheard', count: Math.abs(coupons - soldCoupons), detail });
  }
  return [violations, Math.max(dead ?? 0, indexed)];
}
