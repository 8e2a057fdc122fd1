import type { PublishResult } from '../ports';

interface Waiting {
  readonly id: string;
  /** Another sending of the same id that is under way, if there is one. */
  earlier: Waiting | undefined;
  settled: boolean;
  returned: string | undefined;
  readonly settle: (result: PublishResult) => void;
}

const CONFIRMED: PublishResult = Object.freeze({ kind: 'confirmed' });

/**
 * Messages on their way to the broker. RabbitMQ sends basic.return before the ack of the same message (invariant 5: a confirm is not a
 * route), and a return names the message only by its id.
 */
export class Unconfirmed {
  /** How many have been settled so far, for watching progress. */
  settled = 0;
  /** How many are under way. */
  size = 0;
  private readonly latest = new Map<string, Waiting>();

  /** The returned function takes the broker's verdict: null for ack, an error for nack. */
  add(id: string, settle: (result: PublishResult) => void): (refusal: Error | null) => void {
    const entry: Waiting = { id, earlier: this.latest.get(id), settled: false, returned: undefined, settle };
    this.latest.set(id, entry);
    this.size += 1;
    return (refusal) => {
      if (entry.settled) return;
      this.remove(entry);
      if (refusal !== null) settle({ kind: 'failed', ambiguous: false, error: refusal });
      else if (entry.returned !== undefined) settle({ kind: 'returned', reason: entry.returned });
      else settle(CONFIRMED);
    };
  }

  /** The same id may be under way twice; which of the two came back makes no difference to their sender. */
  markReturned(id: string, reason: string): void {
    let entry = this.latest.get(id);
    while (entry?.returned !== undefined) entry = entry.earlier;
    if (entry !== undefined) entry.returned = reason;
  }

  /** Nobody will ever hear of these: the broker may have them or not. */
  abandonAll(error: Error): void {
    for (const latest of [...this.latest.values()]) {
      for (let entry: Waiting | undefined = latest; entry !== undefined; entry = entry.earlier) {
        this.remove(entry);
        entry.settle({ kind: 'failed', ambiguous: true, error });
      }
    }
  }

  private remove(entry: Waiting): void {
    entry.settled = true;
    this.settled += 1;
    this.size -= 1;
    const latest = this.latest.get(entry.id);
    if (latest === entry) {
      if (entry.earlier === undefined) this.latest.delete(entry.id);
      else this.latest.set(entry.id, entry.earlier);
      return;
    }
    for (let later = latest; later !== undefined; later = later.earlier) {
      if (later.earlier === entry) later.earlier = entry.earlier;
    }
  }
}
