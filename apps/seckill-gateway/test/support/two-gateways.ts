import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import type { ActivityId, ClaimId, TemplateId, UserId } from '@coupon/domain';
import { AdmissionPolicy } from '@coupon/flow-control';
import { ActivityStore, activityKeys } from '@coupon/lua';
import { uniqueActivityId } from '@coupon/testing';
import type { EstablishedSession } from '../../src/adapters/claim-session';
import type { ClaimAnswer } from '../../src/use-cases/claim-answer';
import { ClaimDesk } from '../../src/use-cases/claim-coupon.use-case';
import { ClaimMetrics } from '../../src/use-cases/claim-metrics';
import { EarlyRefusals } from '../../src/use-cases/early-refusals';

/** All moments are multiples of this; starts and ends lie in the middle, so that no real delay decides. */
export const STEP_MS = 500;
const HALF_MS = STEP_MS / 2;

export interface Sale {
  /** From the beginning; a multiple of {@link STEP_MS}. */
  readonly startsInMs: number;
  readonly lastsMs: number;
  readonly perUserLimit: number;
  readonly total: number;
  readonly hiddenPath: boolean;
}

export interface Click {
  readonly user: number;
  readonly quantity: number;
  readonly key: string;
  readonly hasToken: boolean;
}

export interface Guarantees {
  readonly marginMs: number;
  /** From the announcement of an operation to its effect in Redis. */
  readonly heardAfterMs: number;
  /** From a change of the row until the cache has dropped it. */
  readonly lagMs: number;
}

/** The row of the activity as coupon-admin would tell of it. */
interface Row {
  readonly startMs: number;
  readonly awaitsStart: boolean;
}

interface Gateway {
  readonly id: ActivityId;
  readonly desk: ClaimDesk;
  readonly metrics: ClaimMetrics;
  calls: number;
}

/**
 * One sale twice, on two activities of a real Redis: one is sold by a gateway that refuses early, the other by one that asks Redis every time.
 * The clock, its error, the row, the cache and the operator are the test's.
 */
export class TwoGateways {
  /** A start that was opened by hand lies at once in the past. */
  private startMs: number;
  private readonly endMs: number;
  private nowMs = 0;
  /** Redis is so much ahead of the gateways. */
  private skewMs = 0;
  private row: Row;
  private cached: Row | null = null;
  private dropAtMs = Infinity;
  private operation: { readonly kind: 'start' | 'end'; readonly atMs: number } | null = null;
  private clicks = 0;
  private session: { readonly valid: boolean } = { valid: true };
  private readonly sessions = new WeakMap<object, Map<Gateway, EstablishedSession>>();
  private readonly gateways: readonly [Gateway, Gateway];
  private readonly store: ActivityStore;
  private readonly wins: { readonly user: number; readonly claimId: string }[] = [];

  private constructor(
    private readonly redis: Redis,
    private readonly runId: string,
    private readonly guarantees: Guarantees,
    sale: Sale,
  ) {
    this.startMs = sale.startsInMs + HALF_MS;
    this.endMs = this.startMs + sale.lastsMs;
    this.row = { startMs: this.startMs, awaitsStart: this.startMs > 0 };
    this.store = new ActivityStore(redis);
    this.gateways = [this.gateway(true), this.gateway(false)];
  }

  static async open(redis: Redis, runId: string, guarantees: Guarantees, sale: Sale): Promise<TwoGateways> {
    const world = new TwoGateways(redis, runId, guarantees, sale);
    for (const { id } of world.gateways) {
      await world.store.prewarm({
        activityId: id,
        templateId: '3' as TemplateId,
        startMs: Date.now() + world.startMs,
        endMs: Date.now() + world.endMs,
        perUserLimit: sale.perUserLimit,
        total: sale.total,
        epoch: 1,
        userRatePerSecond: 0,
        hiddenPath: sale.hiddenPath,
      });
      await world.store.setState(id, { to: 'open', epoch: 1 });
    }
    return world;
  }

  /** The same claims at both, in one turn. @returns what each was told, with and without early refusals */
  async click(clicks: readonly Click[]): Promise<[unknown[], unknown[]]> {
    await this.setWindow();
    const first = this.clicks;
    const answersOf = (gateway: Gateway): Promise<ClaimAnswer[]> => {
      this.clicks = first;
      return Promise.all(clicks.map((click) => this.claim(gateway, click)));
    };
    const [early, plain] = await Promise.all(
      this.gateways.map(answersOf) as [Promise<ClaimAnswer[]>, Promise<ClaimAnswer[]>],
    );
    clicks.forEach(({ user }, index) => {
      const answer = plain[index];
      if (answer?.kind === 'won' && !answer.replayed) this.wins.push({ user, claimId: answer.claimId });
    });
    return [early, plain];
  }

  /** Whole steps of time; what was to happen meanwhile happens. */
  async pass(steps: number): Promise<void> {
    for (let left = steps; left > 0; left -= 1) {
      this.nowMs += STEP_MS;
      if (this.nowMs >= this.dropAtMs) this.drop();
      if (this.operation !== null && this.nowMs >= this.operation.atMs) await this.carryOut(this.operation.kind);
    }
  }

  setSkew(steps: number): void {
    this.skewMs = steps * STEP_MS;
  }

  /** An operator opens or ends the sale before its start. */
  async operate(kind: 'start' | 'end'): Promise<void> {
    if (!this.row.awaitsStart || this.redisMs >= this.startMs) return;
    this.change({ ...this.row, awaitsStart: false });
    this.operation = { kind, atMs: this.nowMs + this.guarantees.heardAfterMs };
    if (this.guarantees.heardAfterMs === 0) await this.carryOut(kind);
  }

  /** While the sale is on. */
  async set(to: 'paused' | 'open' | 'ended'): Promise<void> {
    if (this.operation !== null || this.redisMs < this.startMs) return;
    this.change({ ...this.row, awaitsStart: false });
    for (const { id } of this.gateways) await this.store.setState(id, { to, epoch: 1 });
  }

  async release(): Promise<void> {
    const win = this.wins.pop();
    if (win === undefined) return;
    const { user, claimId } = win;
    const claim = { claimId: claimId as ClaimId, userId: String(user) as UserId, epoch: 1, reason: 'test' };
    for (const { id } of this.gateways) await this.store.settle(id, { op: 'release', ...claim });
  }

  /** @param valid false: a Redis that the sale was not opened on */
  reconnect(valid: boolean): void {
    this.session = { valid };
  }

  /** Script calls of the gateway that refuses early, and of the other one. */
  get calls(): readonly [number, number] {
    return [this.gateways[0].calls, this.gateways[1].calls];
  }

  async close(): Promise<void> {
    for (const { id } of this.gateways) await this.redis.del(...(Object.values(activityKeys(id)) as string[]));
  }

  private get redisMs(): number {
    return this.nowMs + this.skewMs;
  }

  /** The server's own clock stays: the window is put where it belongs around it. */
  private async setWindow(): Promise<void> {
    const realMs = Date.now();
    const at = (ms: number): number => realMs + ms - this.redisMs;
    for (const { id } of this.gateways)
      await this.redis.hset(activityKeys(id).activity, { start_ms: at(this.startMs), end_ms: at(this.endMs) });
  }

  private change(row: Row): void {
    this.row = row;
    // The first change that was not dropped yet is what the cache is behind of.
    this.dropAtMs = Math.min(this.dropAtMs, this.nowMs + this.guarantees.lagMs);
    if (this.nowMs >= this.dropAtMs) this.drop();
  }

  private drop(): void {
    this.cached = null;
    this.dropAtMs = Infinity;
  }

  private async carryOut(kind: 'start' | 'end'): Promise<void> {
    this.operation = null;
    if (kind === 'start') {
      this.startMs = Math.min(this.startMs, this.redisMs - HALF_MS);
      this.change({ startMs: this.startMs, awaitsStart: false });
      return;
    }
    for (const { id } of this.gateways) await this.store.setState(id, { to: 'ended', epoch: 1 });
  }

  private claim({ id, desk }: Gateway, click: Click): Promise<ClaimAnswer> {
    return new Promise((resolve) => {
      this.clicks += 1;
      desk.claim(
        {
          activityId: id,
          userId: String(click.user) as UserId,
          quantity: click.quantity,
          idempotencyKey: click.key,
          address: '',
          purchaseToken: click.hasToken ? 'good' : undefined,
        },
        { answered: resolve },
      );
    });
  }

  private sessionOf(gateway: Gateway): EstablishedSession {
    const known = this.sessions.get(this.session) ?? new Map<Gateway, EstablishedSession>();
    this.sessions.set(this.session, known);
    const session = known.get(gateway) ?? {
      redis: this.observed(gateway),
      runId: this.session.valid ? this.runId : 'another-run',
    };
    known.set(gateway, session);
    return session;
  }

  /** The connection, with the clock of this world. */
  private observed(gateway: Gateway): Redis {
    const evalsha = async (sha: string, keys: number, ...rest: (string | number)[]): Promise<unknown> => {
      gateway.calls += 1;
      const reply = await this.redis.evalsha(sha, keys, ...rest);
      if (Array.isArray(reply) && reply[0] === 0) reply[3] = this.redisMs;
      return reply;
    };
    return { evalsha } as unknown as Redis;
  }

  private gateway(refusesEarly: boolean): Gateway {
    const gateway: { id: ActivityId; desk: ClaimDesk; metrics: ClaimMetrics; calls: number } = {
      id: uniqueActivityId(),
      calls: 0,
    } as never;
    gateway.metrics = new ClaimMetrics(new Registry(), pino({ level: 'silent' }), () => gateway.desk.pending);
    const early = new EarlyRefusals({
      session: () => this.sessionOf(gateway),
      nowMs: () => this.nowMs,
      marginMs: this.guarantees.marginMs,
      starts: {
        plannedStartMs: () => (this.cached?.awaitsStart === true ? this.cached.startMs : undefined),
        learn: () => {
          if (this.cached?.awaitsStart !== true) this.cached = this.row;
        },
      },
    });
    gateway.desk = new ClaimDesk({
      session: () => this.sessionOf(gateway),
      mintClaimId: () => String(this.clicks).padStart(26, '0') as ClaimId,
      nowMs: () => this.nowMs,
      metrics: gateway.metrics,
      refusals: { count: () => undefined },
      userRate: () => undefined,
      tokens: { verify: (token) => token === 'good' },
      whyNotLoaded: () => Promise.resolve('NOT_READY'),
      knownNotLoaded: () => undefined,
      early: refusesEarly ? early : { refusalOf: () => undefined, observe: () => undefined },
      admission: new AdmissionPolicy({ maxConcurrent: 1_000, queueSize: 1_000, deadlineMs: 60_000 }),
      breaker: { admits: () => true, retryAfterMs: () => 0, fire: (call) => call() },
      filter: { hold: () => false, observe: () => undefined },
      batchesInFlight: 2,
    });
    return gateway;
  }
}
