import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildApps, labelled, openLogFolder } from '@coupon/platform';
import type { BenchContext } from '../bench';
import { LoadGenerator } from '../load/load-generator';
import type { LoadPlan, LoadResult } from '../load/load-plan';
import { BenchChild, bundle } from '../process/child';
import type { GatewaySettings } from './cases';
import { ClaimStore } from './claim-store';
import type { Durability } from './claim-store';
import { GatewayStarter } from './gateway-process';
import type { GatewayProcess } from './gateway-process';
import { FIRST_USER } from './sales';
import { TokenMint } from './tokens';

/** Limits that look at every claim and refuse none: what is measured is what they cost. */
const LIMITS_THAT_REFUSE_NOBODY = { INSTANCE_RATE_PER_SECOND: '1000000', INSTANCE_BURST: '1000000' };

/** Everything the cases share: one Redis, one generator, one floor, gateways by their settings. */
export class BenchBed {
  private readonly gateways = new Map<string, GatewayProcess>();
  private floor: BenchChild<{ port: number }> | undefined;

  private constructor(
    readonly store: ClaimStore,
    readonly generator: LoadGenerator,
    readonly mint: TokenMint,
    private readonly starter: GatewayStarter,
    private readonly defer: BenchContext['defer'],
    readonly directory: string,
  ) {}

  static async lay(context: BenchContext): Promise<BenchBed> {
    const logs = openLogFolder('bench-gateway');
    const building = buildApps(['seckill-gateway'], join(logs, 'build.log'), context.signal);
    building.catch(() => undefined);
    const store = await ClaimStore.start(context);
    const { fromCache, durationMs } = await building;
    context.screen.line(
      labelled('gateway', `bundle ${fromCache ? 'unchanged' : 'built'}, ${(durationMs / 1_000).toFixed(1)} s`),
    );
    const directory = mkdtempSync(join(tmpdir(), 'bench-'));
    context.defer(() => rmSync(directory, { recursive: true, force: true }));
    const generator = await LoadGenerator.start<LoadPlan>('load/load-process', context.defer);
    const mint = new TokenMint(directory, context.defer);
    const starter = await GatewayStarter.create(context, logs);
    return new BenchBed(store, generator, mint, starter, context.defer, directory);
  }

  /** A running gateway with these settings; `fresh` ends the one there is before. */
  async gateway(
    settings: GatewaySettings,
    durability: Durability,
    options: { readonly fresh?: boolean; readonly env?: Readonly<Record<string, string>> } = {},
  ): Promise<GatewayProcess> {
    const key = JSON.stringify([settings, durability, options.env]);
    const running = this.gateways.get(key);
    if (running !== undefined && options.fresh !== true) return running;
    await running?.stop();
    const gateway = await this.starter.start({
      CLAIM_REDIS_URL: this.store.url,
      DURABILITY_MODE: durability,
      ...(await this.mint.environment(settings.auth)),
      ...(settings.limits ? LIMITS_THAT_REFUSE_NOBODY : {}),
      ...options.env,
    });
    this.gateways.set(key, gateway);
    return gateway;
  }

  /** The floor gives the body of a real win of this gateway. */
  async floorServer(): Promise<BenchChild<{ port: number }>> {
    if (this.floor !== undefined) return this.floor;
    const body = await this.realWin();
    this.floor = await BenchChild.start<{ port: number }>(await bundle('gateway/floor-server'), [body]);
    const { floor } = this;
    this.defer(() => floor.stop());
    return floor;
  }

  /** Runs a plan; with `answers`, what every single request was answered comes back, too. */
  async load(plan: LoadPlan): Promise<{ result: LoadResult; answers: Buffer }> {
    const answersFile = join(this.directory, 'answers');
    const result = await this.generator.run({ ...plan, answersFile });
    const answers = readFileSync(answersFile);
    rmSync(answersFile);
    return { result, answers };
  }

  private async realWin(): Promise<string> {
    const gateway = await this.gateway({ auth: 'none', limits: false }, 'fsync');
    const activityId = await this.store.open({ total: 1_000_000, perUserLimit: 1, userRatePerSecond: 0 });
    const response = await fetch(`http://127.0.0.1:${gateway.port}/api/v1/seckill/purchase`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ activity_id: activityId, user_id: String(FIRST_USER), quantity: 1 }),
    });
    const body = await response.text();
    if (response.status !== 200) throw new Error(`the gateway answered ${response.status}: ${body}`);
    await this.store.remove([activityId]);
    return body;
  }
}
