import type { ReadModelComponent, ReadModelLogger } from './component';

export interface WarmUpOptions<K> {
  /** Whether what is read is kept. */
  readonly isReady: () => boolean;
  /** Hottest first. */
  readonly keys: () => Promise<readonly K[]>;
  readonly load: (keys: readonly K[]) => Promise<unknown>;
  readonly logger: Pick<ReadModelLogger, 'info' | 'warn'>;
  /** @default 100 */
  readonly pollMs?: number;
}

/** Reads the hottest keys once, as soon as the caches hear of changes; nobody waits for it. */
export class WarmUp<K> implements ReadModelComponent {
  readonly name = 'warm-up of the caches';
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: WarmUpOptions<K>) {}

  start(): void {
    this.timer = setInterval(() => {
      if (!this.options.isReady()) return;
      this.stopIntake();
      void this.warmUp();
    }, this.options.pollMs ?? 100);
    this.timer.unref();
  }

  stopIntake(): void {
    clearInterval(this.timer);
  }

  close(): void {
    this.stopIntake();
  }

  private async warmUp(): Promise<void> {
    const { keys, load, logger } = this.options;
    try {
      const hottest = await keys();
      if (hottest.length > 0) await load(hottest);
      logger.info({ count: hottest.length }, 'the caches are warm');
    } catch (error) {
      // The readers will load what they need.
      logger.warn({ err: error }, 'the caches could not be warmed');
    }
  }
}
