import { randomUUID } from 'node:crypto';
import { ACTIVITY_STATES } from '@coupon/domain';
import type { ActivityId, ActivityState, ClaimId, TemplateId, UserId } from '@coupon/domain';
import type {
  ActivityRecord,
  ActivitySnapshot,
  AddStockResult,
  AdoptRunResult,
  NotApplicable,
  PrewarmActivity,
  PrewarmResult,
  PurchasedClaim,
  RestoreResult,
  SetStateResult,
  SettleResult,
} from './activity-types';
import { couponSnsOf } from './claim-units';
import { readRunId } from './claim-redis';
import { REGISTRY_KEY, activityKeys } from './keys';
import { HalfLoadedError, REPLY, UnexpectedReplyError } from './reply-codes';
import { encodeReceipts } from './receipts';
import type { RestoredClaim } from './restored-claim';
import { runScript } from './run-script';
import type { ClaimRedis } from './run-script';

const PREPARED_TTL_S = 3_600;

/** The state of activities in Redis, all of it through scripts that are atomic per activity. */
export class ActivityStore {
  constructor(private readonly redis: ClaimRedis) {}

  /** Loads an activity closed, create-only, with its relay group, and puts it into the registry. */
  async prewarm(activity: PrewarmActivity): Promise<PrewarmResult> {
    const k = activityKeys(activity.activityId);
    const reply = await this.call(
      'prewarmActivity',
      [k.activity, k.stock, k.outbox],
      [
        await this.runIdOf(k.activity),
        activity.activityId,
        activity.templateId,
        activity.startMs,
        activity.endMs,
        activity.perUserLimit,
        activity.total,
        activity.epoch,
        activity.userRatePerSecond,
        activity.hiddenPath === true ? 1 : 0,
      ],
    );
    if (reply[0] === REPLY.DIFFERENT) return { kind: 'conflict', fields: reply.slice(1).map(String) };
    if (reply[0] === REPLY.HALF_LOADED) throw new HalfLoadedError(activity.activityId);
    if (reply[0] !== 1 && reply[0] !== 2) throw new UnexpectedReplyError('prewarm-activity', reply);
    await this.redis.sadd(REGISTRY_KEY, activity.activityId);
    if (reply[0] === 1) return { kind: 'loaded' };
    const record = await this.read(activity.activityId);
    if (record === null) throw new HalfLoadedError(activity.activityId);
    return { kind: 'identical', record };
  }

  /** @returns null when nothing of the activity is loaded. @throws HalfLoadedError when only a part of it is. */
  async snapshot(id: ActivityId): Promise<ActivitySnapshot | null> {
    const k = activityKeys(id);
    const reply = await this.call(
      'snapshotActivity',
      [k.activity, k.stock, k.persisted, k.user, k.outbox, k.stats],
      [],
    );
    if (reply[0] === REPLY.NOT_LOADED) return null;
    if (reply[0] === REPLY.HALF_LOADED) throw new HalfLoadedError(id);
    if (reply[0] !== 0) throw new UnexpectedReplyError('snapshot-activity', reply);
    const fields = new Map<string, string>();
    for (let i = 5; i + 1 < reply.length; i += 2) fields.set(String(reply[i]), String(reply[i + 1]));
    return {
      ...parseRecord(id, fields, Number(reply[1])),
      persistedEvents: Number(reply[2]),
      persistedUnits: Number(reply[3]),
      nowMs: Number(reply[4]),
    };
  }

  /** The same reading without the counters of MySQL's progress. */
  async read(id: ActivityId): Promise<ActivityRecord | null> {
    return this.snapshot(id);
  }

  async setState(
    id: ActivityId,
    change: { to: ActivityState; epoch: number; startMs?: number; endMs?: number; from?: ActivityState },
  ): Promise<SetStateResult> {
    const reply = await this.call(
      'setActivityState',
      [activityKeys(id).activity],
      [change.epoch, change.to, change.startMs ?? '', change.endMs ?? '', change.from ?? ''],
    );
    if (reply[0] === 1) return { kind: 'changed', from: reply[1] as ActivityState };
    if (reply[0] === 2) return { kind: 'unchanged', from: reply[1] as ActivityState };
    if (reply[0] === REPLY.REFUSED_BY_STATE) return { kind: 'refused', state: reply[1] as ActivityState };
    return notApplicable('set-activity-state', id, reply);
  }

  /** Adds units once per operation id. */
  async addStock(
    id: ActivityId,
    addition: { operationId: string; add: number; epoch: number },
  ): Promise<AddStockResult> {
    const k = activityKeys(id);
    const reply = await this.call(
      'addStock',
      [k.activity, k.stock],
      [addition.epoch, addition.operationId, addition.add],
    );
    if (reply[0] === 1 || reply[0] === 2) {
      return { kind: reply[0] === 1 ? 'added' : 'already', total: Number(reply[1]), available: Number(reply[2]) };
    }
    return notApplicable('add-stock', id, reply);
  }

  /** Ends a claim's state machine, by claim id (invariant 7). `wrong_run`: Redis was restarted and is not verified yet (invariant 9). */
  async settle(
    id: ActivityId,
    claim: { op: 'release' | 'confirm'; claimId: ClaimId; userId: UserId; epoch: number; reason: string },
  ): Promise<SettleResult> {
    const k = activityKeys(id);
    const reply = await this.call(
      'settleClaim',
      [k.activity, k.stock, k.user, k.outbox, k.stats],
      [claim.epoch, claim.op, claim.userId, claim.claimId, claim.reason, await this.runIdOf(k.activity)],
    );
    switch (reply[0]) {
      case 1:
        return claim.op === 'confirm' ? { kind: 'confirmed' } : { kind: 'released', eventSeq: Number(reply[1]) };
      case 2:
        return { kind: 'already' };
      case 3:
        return { kind: 'tombstoned' };
      case REPLY.REFUSED_BY_STATE:
        return { kind: 'refused', state: reply[1] === 'C' ? 'CONFIRMED' : 'RELEASED' };
      case REPLY.EXCEEDS_TOTAL:
        return { kind: 'exceeds_total' };
      case REPLY.NO_SUCH_CLAIM:
        return { kind: 'no_such_claim' };
      case REPLY.WRONG_RUN:
        return { kind: 'wrong_run' };
      default:
        return notApplicable('settle-claim', id, reply);
    }
  }

  /** Accepts the server's present run for an activity that was verified while it still carried `verifiedRunId`. */
  async adoptRun(id: ActivityId, claim: { epoch: number; verifiedRunId: string }): Promise<AdoptRunResult> {
    const k = activityKeys(id);
    const runId = await this.runIdOf(k.activity);
    const reply = await this.call('adoptRun', [k.activity], [claim.epoch, claim.verifiedRunId, runId]);
    if (reply[0] === 1) return { kind: 'adopted' };
    if (reply[0] === 2) return { kind: 'already' };
    if (reply[0] === REPLY.REFUSED_BY_STATE) return { kind: 'other_run', runId: String(reply[1]) };
    return notApplicable('adopt-run', id, reply);
  }

  /**
   * Puts an activity back that Redis has lost, closed, under `activity.epoch`. `claims` may come in any order, but all claims of one user must
   * be in one chunk. Nothing of the old state is touched before the last step, which is atomic.
   */
  async restore(
    activity: PrewarmActivity,
    state: { claimed: number; eventSeq: number; claims: AsyncIterable<readonly RestoredClaim[]> },
  ): Promise<RestoreResult> {
    const k = activityKeys(activity.activityId);
    // A key of this attempt's own: two workers may restore at the same moment, and only one of them wins the last step.
    const prepared = `${k.user}:restore:${activity.epoch}:${randomUUID()}`;
    let users = 0;
    let reply: unknown[];
    try {
      for await (const chunk of state.claims) {
        const fields = encodeReceipts(chunk);
        users += fields.size;
        if (fields.size > 0) await this.redis.hset(prepared, fields);
        // A restore that dies must not leave its half behind for ever.
        await this.redis.expire(prepared, PREPARED_TTL_S);
      }
      await this.redis.sadd(REGISTRY_KEY, activity.activityId);
      const keys = [k.activity, k.stock, k.user, prepared, k.outbox, k.persisted, k.rateEven, k.rateOdd, k.stats];
      reply = await this.call('restoreActivity', keys, [
        await this.runIdOf(k.activity),
        activity.activityId,
        activity.templateId,
        activity.startMs,
        activity.endMs,
        activity.perUserLimit,
        activity.total,
        activity.epoch,
        activity.userRatePerSecond,
        state.claimed,
        state.eventSeq,
        users,
        activity.hiddenPath === true ? 1 : 0,
      ]);
    } finally {
      await this.redis.unlink(prepared);
    }
    if (reply[0] === 1) return { kind: 'restored' };
    if (reply[0] === 2) return { kind: 'already' };
    if (reply[0] === REPLY.REFUSED_BY_STATE) return { kind: 'outbox_not_empty', length: Number(reply[1]) };
    if (reply[0] === REPLY.WRONG_EPOCH) return { kind: 'wrong_epoch', epoch: Number(reply[1]) };
    if (reply[0] === REPLY.EXCEEDS_TOTAL) return { kind: 'exceeds_total' };
    if (reply[0] === REPLY.NOTHING_TO_RESTORE) return { kind: 'nothing_to_restore' };
    // Redis went away and came back empty while the receipts were written.
    if (reply[0] === REPLY.HALF_LOADED) return { kind: 'incomplete' };
    throw new UnexpectedReplyError('restore-activity', reply);
  }

  /** Closes what is left of a lost activity. @returns false when it is whole and on this run: nothing is lost (any more). */
  async closeLost(id: ActivityId, epoch: number): Promise<boolean> {
    const k = activityKeys(id);
    const keys = [k.activity, k.stock, k.user, k.outbox];
    const reply = await this.call('closeLostActivity', keys, [await this.runIdOf(k.activity), epoch]);
    return reply[0] !== REPLY.NOTHING_TO_RESTORE;
  }

  /** Gives an outbox its relay group back, from id 0, if it has lost it: entries without a group would wait for ever. */
  async ensureRelayGroup(id: ActivityId): Promise<void> {
    const { outbox } = activityKeys(id);
    if ((await this.redis.exists(outbox)) === 0) return;
    await this.redis.xgroup('CREATE', outbox, 'relay', '0').catch((error: unknown) => {
      if (!(error instanceof Error) || !error.message.startsWith('BUSYGROUP')) throw error;
    });
  }

  /** Run id of the server that holds an activity. */
  runId(id: ActivityId): Promise<string> {
    return this.runIdOf(activityKeys(id).activity);
  }

  /** What a user holds; null when the activity is not loaded. `count` counts units that were not given back. */
  async purchased(
    id: ActivityId,
    userId: UserId,
  ): Promise<{ readonly claims: readonly PurchasedClaim[]; readonly count: number } | null> {
    const k = activityKeys(id);
    const reply = await this.call('readPurchases', [k.activity, k.user, k.persisted], [userId]);
    if (reply[0] === REPLY.NOT_LOADED) return null;
    if (reply[0] !== 0) throw new UnexpectedReplyError('read-purchases', reply);
    const claims: PurchasedClaim[] = [];
    let count = 0;
    for (let i = 1; i + 3 < reply.length; i += 4) {
      const claimId = String(reply[i + 1]) as ClaimId;
      const units = Number(reply[i + 2]);
      const released = reply[i] === 'X';
      if (!released) count += units;
      claims.push({ claimId, couponSns: couponSnsOf(claimId, units), persisted: reply[i + 3] === 1, released });
    }
    return { claims, count };
  }

  /** Counters: units_accepted, units_released, claims_accepted, claims_replayed, refused:<CODE>. */
  async stats(id: ActivityId): Promise<Record<string, number>> {
    const fields = await this.redis.hgetall(activityKeys(id).stats);
    return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, Number(value)]));
  }

  /** Every loaded activity. */
  async activities(): Promise<ActivityId[]> {
    return (await this.redis.smembers(REGISTRY_KEY)) as ActivityId[];
  }

  /** In a cluster each node has a run id of its own: the one that holds the activity's slot counts. */
  private async runIdOf(key: string): Promise<string> {
    if ('nodes' in this.redis) {
      const reply = await this.redis.eval("return redis.call('INFO', 'server')", 1, key);
      return readRunId({ info: () => Promise.resolve(String(reply)) });
    }
    return readRunId(this.redis);
  }

  private async call(
    name: Parameters<typeof runScript>[1],
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown[]> {
    const reply = await runScript(this.redis, name, keys, args);
    if (!Array.isArray(reply) || reply[0] === REPLY.INVALID_ARGUMENTS) throw new UnexpectedReplyError(name, reply);
    return reply as unknown[];
  }
}

function notApplicable(script: string, id: ActivityId, reply: readonly unknown[]): NotApplicable {
  if (reply[0] === REPLY.NOT_LOADED) return { kind: 'not_loaded' };
  if (reply[0] === REPLY.WRONG_EPOCH) return { kind: 'wrong_epoch', epoch: Number(reply[1]) };
  if (reply[0] === REPLY.HALF_LOADED) throw new HalfLoadedError(id);
  throw new UnexpectedReplyError(script, reply);
}

function parseRecord(id: ActivityId, fields: ReadonlyMap<string, string>, available: number): ActivityRecord {
  const number = (name: string): number => {
    const value = Number(fields.get(name) ?? 'absent');
    if (!Number.isSafeInteger(value)) throw new HalfLoadedError(id);
    return value;
  };
  const state = ACTIVITY_STATES.find((known) => known === fields.get('state'));
  const runId = fields.get('run_id');
  const templateId = fields.get('coupon_id');
  if (state === undefined || runId === undefined || templateId === undefined) throw new HalfLoadedError(id);
  return {
    activityId: id,
    templateId: templateId as TemplateId,
    startMs: number('start_ms'),
    endMs: number('end_ms'),
    perUserLimit: number('per_user_limit'),
    total: number('total'),
    epoch: number('epoch'),
    userRatePerSecond: number('user_rate'),
    hiddenPath: fields.get('guard') === '1',
    state,
    runId,
    claimed: number('claimed'),
    available,
    eventSeq: number('event_seq'),
    stockVersion: number('stock_version'),
    lastEventMs: number('last_event_ms'),
  };
}
