import type { ActivityId } from '@coupon/domain';
import type { ActivitySnapshot } from '@coupon/lua';

const KEEP_MS = 1_000;
const MAX_REMEMBERED = 10_000;

/**
 * Readings of activities, at most one per activity and second: a crowd that asks about one sale is one question to Redis. Failures are
 * remembered as long, so that a crowd with a wrong id is no more than that either.
 */
export class SaleReadings {
  private readonly remembered = new Map<
    ActivityId,
    { readonly atMs: number; readonly reading: Promise<ActivitySnapshot> }
  >();

  /**
   * @param read a fresh reading @throws ACTIVITY_NOT_FOUND, NOT_READY
   * @param nowMs monotonic milliseconds
   */
  constructor(
    private readonly read: (id: ActivityId) => Promise<ActivitySnapshot>,
    private readonly nowMs: () => number,
  ) {}

  /** The reading, with the time of Redis as it is now. */
  async now(id: ActivityId): Promise<ActivitySnapshot> {
    const known = this.remembered.get(id);
    const { atMs, reading } = known !== undefined && this.nowMs() - known.atMs < KEEP_MS ? known : this.remember(id);
    const sale = await reading;
    return { ...sale, nowMs: sale.nowMs + this.nowMs() - atMs };
  }

  private remember(id: ActivityId): { readonly atMs: number; readonly reading: Promise<ActivitySnapshot> } {
    if (this.remembered.size >= MAX_REMEMBERED) this.remembered.clear();
    const entry = { atMs: this.nowMs(), reading: this.read(id) };
    this.remembered.set(id, entry);
    return entry;
  }
}
