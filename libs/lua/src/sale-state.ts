import type { ActivityId } from '@coupon/domain';
import { activityKeys } from './keys';
import { REPLY, UnexpectedReplyError } from './reply-codes';
import { runScript } from './run-script';
import type { ClaimRedis } from './run-script';

export type SaleWindow = 'open' | 'not_started' | 'ended' | 'paused' | 'closed';

/** One reading of an activity. While `runId`, `epoch` and `eventSeq` stay the same nobody has won and nobody has given back. */
export type SaleState =
  | {
      readonly kind: 'known';
      readonly window: SaleWindow;
      readonly available: number;
      /** The run of Redis that was asked, and that the activity was opened on. */
      readonly runId: string;
      readonly eventSeq: number;
      readonly stockVersion: number;
      readonly epoch: number;
      readonly perUserLimit: number;
      /** Claims need a purchase token. */
      readonly guarded: boolean;
    }
  | { readonly kind: 'not_loaded' | 'half_loaded' | 'wrong_run' };

const WINDOWS: Readonly<Record<number, SaleWindow>> = {
  0: 'open',
  [REPLY.NOT_STARTED]: 'not_started',
  [REPLY.ENDED]: 'ended',
  [REPLY.PAUSED]: 'paused',
  [REPLY.CLOSED]: 'closed',
};

/** Reads whether an activity sells at this moment. Writes nothing, so it waits for no sync. Rejects with the error of Redis. */
export async function readSaleState(redis: ClaimRedis, id: ActivityId, runId: string): Promise<SaleState> {
  const k = activityKeys(id);
  const reply = await runScript(redis, 'readSaleState', [k.activity, k.stock, k.user], [runId]);
  if (!Array.isArray(reply)) throw new UnexpectedReplyError('read-sale-state', reply);
  const [status, window, available, eventSeq, stockVersion, epoch, perUserLimit, guard] = reply as number[];
  if (status === REPLY.NOT_LOADED) return { kind: 'not_loaded' };
  if (status === REPLY.HALF_LOADED) return { kind: 'half_loaded' };
  if (status === REPLY.WRONG_RUN) return { kind: 'wrong_run' };
  const named = WINDOWS[window ?? NaN];
  if (
    status !== 0 ||
    named === undefined ||
    available === undefined ||
    eventSeq === undefined ||
    stockVersion === undefined ||
    epoch === undefined ||
    perUserLimit === undefined ||
    guard === undefined
  ) {
    throw new UnexpectedReplyError('read-sale-state', reply);
  }
  return {
    kind: 'known',
    window: named,
    available,
    runId,
    eventSeq,
    stockVersion,
    epoch,
    perUserLimit,
    guarded: guard === 1,
  };
}

/**
 * Everybody who has a receipt of an activity, in chunks of about `chunk`; one that changes meanwhile may come twice. Complete for those who
 * had one from the first call to the last (HSCAN): compare {@link readSaleState} before and after.
 */
export async function* readWinners(
  redis: ClaimRedis,
  id: ActivityId,
  chunk = 1_000,
): AsyncGenerator<readonly string[]> {
  const { user } = activityKeys(id);
  let cursor = '0';
  do {
    const [next, fields] = await redis.hscan(user, cursor, 'COUNT', chunk);
    cursor = next;
    yield fields.filter((_, index) => index % 2 === 0);
  } while (cursor !== '0');
}
