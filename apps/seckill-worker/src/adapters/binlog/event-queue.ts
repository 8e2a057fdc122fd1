import type { BinlogEvent, BinlogStreamError } from '../../use-cases/binlog/binlog-source';

export interface EventQueueOptions {
  /** Called when so many events wait that no more should come, and when there is room again. */
  readonly hold: (held: boolean) => void;
  /** @default 1000 */
  readonly highWater?: number;
}

/** Between the stream, which pushes, and the tail, which takes. What was pushed before the end is handed out before the end is told. */
export class EventQueue {
  private readonly events: BinlogEvent[] = [];
  private failure: BinlogStreamError | undefined;
  private held = false;
  private wake: (() => void) | undefined;

  constructor(private readonly options: EventQueueOptions) {}

  push(event: BinlogEvent): void {
    if (this.failure !== undefined) return;
    this.events.push(event);
    if (!this.held && this.events.length >= (this.options.highWater ?? 1_000)) this.hold(true);
    this.wake?.();
  }

  end(failure: BinlogStreamError): void {
    this.failure ??= failure;
    this.wake?.();
  }

  async next(max: number): Promise<readonly BinlogEvent[]> {
    while (this.events.length === 0) {
      if (this.failure !== undefined) throw this.failure;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      this.wake = undefined;
    }
    const taken = this.events.splice(0, max);
    if (this.held && this.events.length < (this.options.highWater ?? 1_000) / 2) this.hold(false);
    return taken;
  }

  private hold(held: boolean): void {
    this.held = held;
    if (this.failure === undefined) this.options.hold(held);
  }
}
