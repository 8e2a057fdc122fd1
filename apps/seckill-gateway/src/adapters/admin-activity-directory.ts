import { AppError } from '@coupon/domain';
import type { ActivityId } from '@coupon/domain';
import type { ActivityDirectory, NotLoadedCode } from '../use-cases/activity-directory';

/** What coupon-admin says about an activity, as far as anybody here wants to know. */
export interface AdminAnswer {
  readonly over?: boolean | undefined;
  readonly awaitsStart?: boolean | undefined;
  /** RFC 3339. */
  readonly startTime?: string | undefined;
}

/** Asks coupon-admin for an activity; rejects with an AppError as `callUnary` does. */
export type AskAdmin = (id: ActivityId) => Promise<AdminAnswer>;

const KEEP_MS = 1_000;
const MAX_REMEMBERED = 10_000;
/** Questions under way. */
const MAX_ASKING = 50;

/**
 * Remembers for a second what coupon-admin says about activities that are not in Redis, one question per activity at a time, so that clicks on
 * a wrong id do not become load on coupon-admin. When it cannot be asked the answer is NOT_READY: safe to repeat, never a false "not found".
 */
export class AdminActivityDirectory implements ActivityDirectory {
  private readonly remembered = new Map<ActivityId, { untilMs: number; verdict: Promise<NotLoadedCode> }>();

  private asking = 0;

  constructor(
    private readonly ask: AskAdmin,
    private readonly nowMs: () => number,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  whyNotLoaded(id: ActivityId): Promise<NotLoadedCode> {
    const nowMs = this.nowMs();
    const known = this.remembered.get(id);
    if (known !== undefined && known.untilMs > nowMs) return known.verdict;
    if (this.remembered.size >= MAX_REMEMBERED) this.remembered.clear();
    // Made-up ids must not keep coupon-admin busy; who asks again in a moment may be lucky.
    if (this.asking >= MAX_ASKING) return Promise.resolve('NOT_READY');
    const verdict = this.lookUp(id);
    this.remembered.set(id, { untilMs: nowMs + KEEP_MS, verdict });
    return verdict;
  }

  private async lookUp(id: ActivityId): Promise<NotLoadedCode> {
    this.asking += 1;
    try {
      const { over } = await this.ask(id);
      return over === true ? 'ENDED' : 'NOT_READY';
    } catch (error) {
      if (error instanceof AppError && (error.code === 'ACTIVITY_NOT_FOUND' || error.code === 'NOT_FOUND')) {
        return 'ACTIVITY_NOT_FOUND';
      }
      this.onFailure(error);
      return 'NOT_READY';
    } finally {
      this.asking -= 1;
    }
  }
}
