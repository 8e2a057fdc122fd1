import type { PublishResult } from '../ports';

interface Waiting {
  readonly id: string;
  returned: string | undefined;
  readonly settle: (result: PublishResult) => void;
}

/**
 * Messages on their way to the broker. RabbitMQ sends basic.return before the ack of the same message (invariant 5: a confirm is not a
 * route), and a return names the message only by its id.
 */
export class Unconfirmed {
  /** How many have been settled so far, for watching progress. */
  settled = 0;
  private readonly waiting = new Set<Waiting>();
  private readonly byId = new Map<string, Waiting[]>();

  get size(): number {
    return this.waiting.size;
  }

  /** The returned function takes the broker's verdict: null for ack, an error for nack. */
  add(id: string, settle: (result: PublishResult) => void): (refusal: Error | null) => void {
    const entry: Waiting = { id, returned: undefined, settle };
    this.waiting.add(entry);
    const same = this.byId.get(id);
    if (same === undefined) this.byId.set(id, [entry]);
    else same.push(entry);
    return (refusal) => {
      if (!this.remove(entry)) return;
      if (refusal !== null) settle({ kind: 'failed', ambiguous: false, error: refusal });
      else if (entry.returned !== undefined) settle({ kind: 'returned', reason: entry.returned });
      else settle({ kind: 'confirmed' });
    };
  }

  /** The same id may be under way twice; which of the two came back makes no difference to their sender. */
  markReturned(id: string, reason: string): void {
    const entry = this.byId.get(id)?.find(({ returned }) => returned === undefined);
    if (entry !== undefined) entry.returned = reason;
  }

  /** Nobody will ever hear of these: the broker may have them or not. */
  abandonAll(error: Error): void {
    for (const entry of [...this.waiting]) {
      this.remove(entry);
      entry.settle({ kind: 'failed', ambiguous: true, error });
    }
  }

  private remove(entry: Waiting): boolean {
    if (!this.waiting.delete(entry)) return false;
    this.settled += 1;
    const same = (this.byId.get(entry.id) ?? []).filter((other) => other !== entry);
    if (same.length === 0) this.byId.delete(entry.id);
    else this.byId.set(entry.id, same);
    return true;
  }
}
