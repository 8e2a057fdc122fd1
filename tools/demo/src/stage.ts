import type { Screen } from '@coupon/platform';
import type { PurchaseClient } from './load/purchase-client';
import type { Marketing } from './marketing';
import type { MysqlTruth } from './verify/read-truth';

export interface StageParts {
  readonly marketing: Marketing;
  readonly client: PurchaseClient;
  readonly truth: MysqlTruth;
  readonly screen: Screen;
  readonly gatewayUrl: string;
  readonly operatorHeaders: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

const POLL_MS = 20;
/** For the workers to have everything in MySQL: a start-up allowance and the slowest rate that is worth waiting for. */
const DRAIN_BASE_MS = 30_000;
const SLOWEST_COUPONS_PER_MS = 0.2;

/** Where the sales take place: the platform as its users see it, and MySQL to check it. */
export class Stage {
  readonly marketing: Marketing;
  readonly client: PurchaseClient;
  readonly truth: MysqlTruth;
  readonly screen: Screen;
  readonly gatewayUrl: string;
  readonly operatorHeaders: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;

  constructor(parts: StageParts) {
    this.marketing = parts.marketing;
    this.client = parts.client;
    this.truth = parts.truth;
    this.screen = parts.screen;
    this.gatewayUrl = parts.gatewayUrl;
    this.operatorHeaders = parts.operatorHeaders;
    this.signal = parts.signal;
  }

  readonly sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  /** Polls until `condition` holds; rejects with `otherwise` at the deadline. */
  async until(condition: () => Promise<boolean>, timeoutMs: number, otherwise: string): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!(await condition())) {
      this.signal.throwIfAborted();
      if (performance.now() > deadline) throw new Error(`${otherwise} (waited ${Math.round(timeoutMs / 1000)} s)`);
      await this.sleep(POLL_MS);
    }
  }

  /**
   * Waits until MySQL has that many coupons of the activity. At the deadline it resolves too: what is missing then is for the
   * verification to name.
   */
  async untilStored(activityId: string, coupons: number): Promise<void> {
    const deadline = performance.now() + DRAIN_BASE_MS + coupons / SLOWEST_COUPONS_PER_MS;
    while ((await this.truth.couponCount(activityId)) < coupons && performance.now() < deadline) {
      this.signal.throwIfAborted();
      await this.sleep(POLL_MS);
    }
  }
}
