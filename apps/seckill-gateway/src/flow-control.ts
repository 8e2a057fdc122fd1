import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { Gauge, Counter } from 'prom-client';
import type { Aggregator } from 'prom-client';
import {
  AdmissionPolicy,
  BatchBreaker,
  ClaimLimits,
  FlowSettingsWatcher,
  LoadSensor,
  SoldOutFilter,
  coarseJobs,
  eventLoopDelay,
} from '@coupon/flow-control';
import type { FlowSettings } from '@coupon/flow-control';
import { FlowSettingsStore, leaseTokens, readSaleState, readWinners } from '@coupon/lua';
import type { Component, Logger, Metrics } from '@coupon/service-kit';
import type { ClaimSession } from './adapters/claim-session';
import type { ClaimDesk, WaitingClaim } from './use-cases/claim-coupon.use-case';

export interface FlowControl {
  readonly admission: AdmissionPolicy;
  readonly breaker: BatchBreaker;
  readonly limits: ClaimLimits;
  readonly sensor: LoadSensor;
  readonly filter: SoldOutFilter<WaitingClaim>;
  readonly watcher: FlowSettingsWatcher;
  /** To be registered behind the claim session. */
  readonly component: Component;
  /** Limit per user that was set while running; undefined: each activity's own. */
  readonly userRate: () => number | undefined;
}

/** Where claims wait; looked at every {@link SWEEP_MS}. */
export interface ClaimWaiters {
  readonly desk: Pick<ClaimDesk, 'refuse' | 'pass' | 'sweep'>;
  readonly admits: readonly { sweep(): void }[];
}

export interface FlowControlOptions {
  readonly defaults: FlowSettings;
  /** Event-loop delay that counts as full capacity. */
  readonly fullLoadDelayMs: number;
  /** Shared by the processes of one instance. @default the host's name */
  readonly instanceId?: string | undefined;
}

const SWEEP_MS = 100;
const WINNER_LISTS_AT_ONCE = 2;
const nowMs = (): number => performance.now();

/** Everything that decides whether a claim may go to Redis now, with settings that follow what is stored there. */
export function createFlowControl(
  options: FlowControlOptions,
  session: ClaimSession,
  waiters: () => ClaimWaiters,
  metrics: Metrics,
  logger: Logger,
): FlowControl {
  const { defaults } = options;
  const onError = (error: unknown): void => logger.warn({ err: error }, 'flow control');
  const admission = new AdmissionPolicy(admissionSettings(defaults));
  const breaker = new BatchBreaker(breakerSettings(defaults), {
    nowMs,
    onState: (state) => logger.warn({ state }, 'circuit breaker of the claim store'),
  });
  const limits = new ClaimLimits(
    // Through the breaker like the batches: a store that is silent is silent to leases and readings, too.
    {
      nowMs,
      lease: (name, call) => breaker.fire(async () => leaseTokens(session.require().redis, name, call)),
      onError,
    },
    {
      instanceId: (options.instanceId ?? hostname()).replace(/[^\w-]/g, '-'),
      processId: randomBytes(9).toString('base64url'),
    },
  );
  limits.apply(defaults);
  const sensor = new LoadSensor(
    { eventLoop: eventLoopDelay(), queueLoad: () => admission.queueLoad, nowMs },
    { threshold: defaults.shed_threshold, fullDelayMs: options.fullLoadDelayMs },
  );
  const filter = new SoldOutFilter<WaitingClaim>({
    readState: (id) =>
      breaker.fire(async () => {
        const { redis, runId } = session.require();
        return readSaleState(redis, id, runId);
      }),
    loadWinners: (id) => readWinners(session.require().redis, id),
    refuse: (claim, reason, guarded) => waiters().desk.refuse(claim, reason, guarded),
    pass: (claim) => waiters().desk.pass(claim),
    nowMs,
    schedule: coarseJobs(WINNER_LISTS_AT_ONCE),
    onError,
  });
  let userRate: number | undefined;
  let unreadable = false;
  const watcher = new FlowSettingsWatcher({
    store: { read: async () => new FlowSettingsStore(session.require().redis).read() },
    defaults,
    apply: (settings, version, stored) => {
      admission.reconfigure(admissionSettings(settings));
      breaker.reconfigure(breakerSettings(settings));
      limits.apply(settings);
      sensor.reconfigure({ threshold: settings.shed_threshold });
      userRate = stored.per_user;
      unreadable = false;
      if (version > 0) logger.info({ version, stored }, 'limits were changed');
    },
    onError: (error) => {
      // Without a connection every reading fails, and the session's own health says so already.
      if (unreadable || session.current() === null) return;
      unreadable = true;
      logger.error({ err: error }, 'the stored limits cannot be used: the last ones stay in force');
    },
  });
  registerMetrics({ admission, breaker, limits, sensor, filter }, metrics);
  return {
    admission,
    breaker,
    limits,
    sensor,
    filter,
    watcher,
    component: component({ breaker, limits, sensor, filter, watcher }, waiters),
    userRate: () => userRate,
  };
}

function component(
  parts: Pick<FlowControl, 'breaker' | 'limits' | 'sensor' | 'filter' | 'watcher'>,
  waiters: () => ClaimWaiters,
): Component {
  let sweeper: NodeJS.Timeout | undefined;
  let ticks = 0;
  return {
    name: 'flow control',
    start: async () => {
      parts.sensor.start();
      sweeper = setInterval(() => {
        const { desk, admits } = waiters();
        if (parts.breaker.tick()) parts.filter.release();
        for (const admit of admits) admit.sweep();
        desk.sweep();
        ticks += 1;
        if (ticks % 100 === 0) parts.filter.sweep();
      }, SWEEP_MS).unref();
      await parts.watcher.start();
    },
    drain: () => parts.limits.close(),
    close: () => {
      clearInterval(sweeper);
      parts.watcher.stop();
      parts.sensor.stop();
      parts.breaker.close();
    },
  };
}

function admissionSettings(settings: FlowSettings): ConstructorParameters<typeof AdmissionPolicy>[0] {
  return {
    maxConcurrent: settings.max_concurrent,
    queueSize: settings.queue_size,
    deadlineMs: settings.queue_deadline_ms,
  };
}

function breakerSettings({ breaker }: FlowSettings): { failurePercent: number; minBatches: number } {
  return { failurePercent: breaker.failure_percent, minBatches: breaker.min_batches };
}

function registerMetrics(
  parts: Pick<FlowControl, 'admission' | 'breaker' | 'limits' | 'sensor' | 'filter'>,
  { registry }: Metrics,
): void {
  /** @param together what the processes of one instance make of their values: a sum of states or shares would mean nothing */
  const gauge = (name: string, help: string, read: () => number, together: Aggregator = 'sum'): void => {
    new Gauge({
      name,
      help,
      aggregator: together,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  gauge(
    'claim_breaker_open',
    'Circuit breaker of the claim store: 0 closed, 0.5 half open, 1 open',
    () => {
      const state = parts.breaker.state();
      return state === 'closed' ? 0 : state === 'open' ? 1 : 0.5;
    },
    'max',
  );
  gauge('claim_load', 'Share of capacity in use, by event-loop delay or queue', () => parts.sensor.load, 'average');
  gauge('claim_shed_share', 'Share of claims refused for load', () => parts.sensor.shedShare, 'average');
  gauge('claim_filter_activities', 'Activities whose refusals are answered here', () => parts.filter.filtering);
  gauge('claim_limit_addresses', 'Addresses in use by the limit per address', () => parts.limits.stats().addresses);
  new Counter({
    name: 'claim_limit_addresses_forgotten_total',
    help: 'Addresses dropped while their limit was in use: too many at once',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(parts.limits.stats().addressesForgottenInUse);
    },
  });
}
