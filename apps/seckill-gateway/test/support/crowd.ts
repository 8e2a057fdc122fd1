import type { ActivityId } from '@coupon/domain';
import type { PurchaseClient, Told } from './clients';

/** One click with its answer. */
export interface Heard {
  readonly client: PurchaseClient;
  readonly userId: string;
  readonly idempotencyKey: string;
  /** Monotonic milliseconds. */
  readonly sentMs: number;
  readonly answeredMs: number;
  readonly told: Told;
}

/** From a refusal to the same buyer's next click: a crowd that is refused at once would take a core otherwise. */
const PAUSE_AFTER_REFUSAL_MS = 10;

/**
 * Buyers who write down what they were told. Each click is for another user with a key of its own and is never repeated here, so that every
 * answer stands for one claim.
 */
export class Crowd {
  readonly heard: Heard[] = [];
  private users = 0;
  private going = true;
  private readonly buyers: Promise<void>[] = [];
  private readonly arrivals = new Set<NodeJS.Timeout>();
  /** When the clicks that are not answered yet were made. */
  private readonly open = new Set<{ readonly sentMs: number }>();

  constructor(private readonly activityId: ActivityId) {}

  /** `count` more buyers at this interface, who click again as soon as they have an answer. */
  join(client: PurchaseClient, count: number): void {
    for (let i = 0; i < count; i += 1) this.buyers.push(this.shop(client));
  }

  /** One more buyer after each interval, who clicks once: they come however long the others wait for their answers. */
  keepComing(client: PurchaseClient, intervalMs: number): void {
    this.arrivals.add(setInterval(() => this.buyers.push(this.click(client).then(() => undefined)), intervalMs));
  }

  /** Clicks told this code so far. */
  told(code: string): Heard[] {
    return this.heard.filter(({ told }) => told.code === code);
  }

  /** Clicks before this time (monotonic milliseconds) that nobody has answered yet. */
  unanswered(beforeMs: number): number {
    return [...this.open].filter(({ sentMs }) => sentMs < beforeMs).length;
  }

  /** Nobody clicks any more; resolves when everybody was answered, and rejects when somebody was not. */
  async leave(): Promise<void> {
    this.going = false;
    for (const timer of this.arrivals) clearInterval(timer);
    await Promise.all(this.buyers);
  }

  private async shop(client: PurchaseClient): Promise<void> {
    while (this.going) {
      const told = await this.click(client);
      if (told.code !== 'OK') await new Promise((resolve) => setTimeout(resolve, PAUSE_AFTER_REFUSAL_MS));
    }
  }

  private async click(client: PurchaseClient): Promise<Told> {
    const userId = String((this.users += 1));
    const idempotencyKey = `key-of-${userId}`;
    const sentMs = performance.now();
    const open = { sentMs };
    this.open.add(open);
    const told = await client.buy({ activityId: this.activityId, userId, idempotencyKey });
    this.open.delete(open);
    this.heard.push({ client, userId, idempotencyKey, sentMs, answeredMs: performance.now(), told });
    return told;
  }
}
