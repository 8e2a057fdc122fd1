/**
 * A barrier that callers share: what it covers is settled when it is sent, so a call joins one that has not been sent yet, and never one
 * that has. At most one is under way and one waits behind it, however many callers there are.
 */
export class SharedBarrier {
  private underWay: Promise<boolean> | null = null;
  private next: Promise<boolean> | null = null;

  /** @param send sends one barrier; resolves with whether it was passed */
  constructor(private readonly send: () => Promise<boolean>) {}

  /** Whether everything that happened before this call has passed the barrier. Rejects as `send` does. */
  passed(): Promise<boolean> {
    if (this.underWay === null) return this.start();
    this.next ??= this.underWay.then(this.follow, this.follow);
    return this.next;
  }

  private readonly follow = (): Promise<boolean> => {
    this.next = null;
    return this.start();
  };

  private start(): Promise<boolean> {
    const done = (): void => {
      if (this.underWay === sent) this.underWay = null;
    };
    const sent = this.send();
    this.underWay = sent;
    sent.then(done, done);
    return sent;
  }
}
