import { pino } from 'pino';
import { Registry } from 'prom-client';
import type { ActivityId, ClaimId, UserId } from '@coupon/domain';
import { AdmissionPolicy } from '@coupon/flow-control';
import type { EstablishedSession } from '../../../src/adapters/claim-session';
import type { ClaimAnswer, ClaimCommand } from '../../../src/use-cases/claim-answer';
import { ClaimDesk } from '../../../src/use-cases/claim-coupon.use-case';
import type { WaitingClaim } from '../../../src/use-cases/claim-coupon.use-case';
import { ClaimMetrics } from '../../../src/use-cases/claim-metrics';

/** A claim as the desk was given it, and what came of it. */
export interface Tracked {
  readonly number: number;
  readonly activityId: ActivityId;
  readonly claimId: () => string;
  readonly answers: ClaimAnswer[];
  /** Times it was sent to Redis. */
  sent: number;
  /** What it must be told, once that is known; checked when it is answered. */
  expected?: string;
}

/** A script call on its way. */
export interface Batch {
  readonly activityId: string;
  readonly claims: readonly Tracked[];
  readonly args: readonly (string | number)[];
  /** A reply of the claim script, or the error of the connection. */
  readonly reply: (reply: unknown) => Promise<void>;
}

export interface DeskSettings {
  readonly maxConcurrent?: number;
  readonly queueSize?: number;
  readonly deadlineMs?: number;
  readonly batchesInFlight?: number;
  readonly barrier?: { readonly replicas: number; readonly waitTimeoutMs: number };
}

export const WON = 1;
const CLAIM_ID_LENGTH = 26;

/** A turn of the event loop, with everything that was promised in it. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A desk with everything around it in the hands of the test: clock, connection, Redis' replies, breaker, filter. */
export class DeskWorld {
  readonly desk: ClaimDesk;
  readonly admission: AdmissionPolicy;
  readonly claims: Tracked[] = [];
  /** On their way, in the order they were sent. */
  readonly batches: Batch[] = [];
  readonly registry = new Registry();
  readonly held: WaitingClaim[] = [];
  readonly wrong: string[] = [];
  readonly observed: { available: number; ended: boolean }[] = [];
  nowMs = 0;
  connected = true;
  open = false;
  holds = false;
  /** The activity is known not to exist. */
  isUnknown = false;
  /** Calls that were made through the breaker and failed. */
  failures = 0;
  /** Replicas that have it, as WAIT says; an error rejects. */
  replicas: number | Error = 0;
  userRate: number | undefined = undefined;
  mostActive = 0;
  private readonly byClaimId = new Map<string, Tracked>();
  private minted = 0;

  constructor(settings: DeskSettings = {}) {
    this.admission = new AdmissionPolicy({
      maxConcurrent: settings.maxConcurrent ?? 1_000,
      queueSize: settings.queueSize ?? 5_000,
      deadlineMs: settings.deadlineMs ?? 1_000,
    });
    const redis = {
      evalsha: (_sha: string, keys: number, ...rest: (string | number)[]) =>
        this.call(rest.slice(0, keys), rest.slice(keys)),
      wait: async () => {
        if (this.replicas instanceof Error) throw this.replicas;
        return this.replicas;
      },
    };
    const session = {
      redis,
      runId: 'run',
      ...(settings.barrier === undefined ? {} : { barrier: settings.barrier }),
    } as unknown as EstablishedSession;
    this.desk = new ClaimDesk({
      session: () => (this.connected ? session : null),
      mintClaimId: () => String((this.minted += 1)).padStart(CLAIM_ID_LENGTH, '0') as ClaimId,
      nowMs: () => this.nowMs,
      metrics: new ClaimMetrics(this.registry, pino({ level: 'silent' }), () => this.desk.pending),
      userRate: () => this.userRate,
      tokens: null,
      refusals: { count: () => undefined },
      whyNotLoaded: async () => 'ACTIVITY_NOT_FOUND',
      knownNotLoaded: () => (this.isUnknown ? 'ACTIVITY_NOT_FOUND' : undefined),
      early: { refusalOf: () => undefined, observe: () => undefined },
      admission: this.admission,
      breaker: {
        admits: () => !this.open,
        retryAfterMs: () => 700,
        fire: (call) => this.fire(call),
      },
      filter: {
        hold: (_activity, _user, _quantity, claim) => this.holds && this.held.push(claim) > 0,
        observe: (_activity, shown) => void this.observed.push(shown),
      },
      batchesInFlight: settings.batchesInFlight ?? 2,
    });
  }

  /** A user claims; users and activities are told apart by number. */
  claim(activity = 1, over: Partial<ClaimCommand> = {}): Tracked {
    const number = this.claims.length + 1;
    const activityId = String(activity) as ActivityId;
    const mintedBefore = this.minted;
    const tracked: Tracked = {
      number,
      activityId,
      claimId: () => String(mintedBefore + 1).padStart(CLAIM_ID_LENGTH, '0'),
      answers: [],
      sent: 0,
    };
    this.claims.push(tracked);
    this.byClaimId.set(tracked.claimId(), tracked);
    const command = { activityId, userId: String(number) as UserId, quantity: 1, idempotencyKey: '', address: '' };
    this.desk.claim(
      { ...command, ...over },
      {
        answered: (answer) => {
          tracked.answers.push(answer);
          const code = codeOf(answer);
          if (tracked.expected !== undefined && tracked.expected !== code)
            this.wrong.push(`claim ${number} was told ${code}, not ${tracked.expected}`);
          if (tracked.sent === 0 && ['OK', 'OUTCOME_UNKNOWN'].includes(code))
            this.wrong.push(`claim ${number} was told ${code} and never sent`);
        },
      },
    );
    return tracked;
  }

  /** Replies to the oldest batch, or the one at `index`. @param outcomes per claim what the script says; too few: the last one for the rest */
  async decide(outcomes: readonly (number | string)[] = [WON], index = 0, available = 5): Promise<void> {
    const batch = this.take(index);
    const entries = batch.claims.map((_, i) => outcomes[Math.min(i, outcomes.length - 1)]);
    await batch.reply([0, available, 1, 1_000, ...entries]);
  }

  take(index = 0): Batch {
    const [batch] = this.batches.splice(index, 1);
    if (batch === undefined) throw new Error('no batch is on its way');
    return batch;
  }

  /** Everything that is on its way is answered, in any number of rounds, at this very moment of the clock. */
  async finish(): Promise<void> {
    await turn();
    while (this.batches.length > 0) {
      await this.decide();
      await turn();
    }
  }

  unanswered(): number[] {
    return this.claims.filter(({ answers }) => answers.length === 0).map(({ number }) => number);
  }

  private async fire<T>(call: () => Promise<T>): Promise<T> {
    if (this.open) throw Object.assign(new Error('Breaker is open'), { code: 'EOPENBREAKER' });
    try {
      return await call();
    } catch (error) {
      this.failures += 1;
      throw error;
    }
  }

  private call(keys: readonly (string | number)[], args: readonly (string | number)[]): Promise<unknown> {
    const activityId = /\{(.*)\}/.exec(String(keys[0]))?.[1] ?? '';
    const claims: Tracked[] = [];
    for (let at = 2; at < args.length && String(args[at]).length === CLAIM_ID_LENGTH; at += 4) {
      const tracked = this.byClaimId.get(String(args[at]));
      if (tracked === undefined) throw new Error(`a claim nobody made: ${args[at]}`);
      tracked.sent += 1;
      if (tracked.sent > 1) this.wrong.push(`claim ${tracked.number} was sent ${tracked.sent} times`);
      if (tracked.activityId !== activityId) this.wrong.push(`claim ${tracked.number} was sent to ${activityId}`);
      claims.push(tracked);
    }
    this.mostActive = Math.max(this.mostActive, this.admission.active);
    return new Promise((resolve, reject) => {
      this.batches.push({
        activityId,
        claims,
        args,
        reply: async (reply) => {
          if (reply instanceof Error) reject(reply);
          else resolve(reply);
          await turn();
        },
      });
    });
  }
}

export function codeOf(answer: ClaimAnswer | undefined): string {
  if (answer === undefined) return '';
  return answer.kind === 'won' ? 'OK' : answer.code;
}
