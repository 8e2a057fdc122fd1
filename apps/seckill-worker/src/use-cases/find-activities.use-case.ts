import type { ActivityId } from '@coupon/domain';
import type { Logger } from '@coupon/service-kit';

export interface ActivitySources {
  /** The registry in Redis, written before an activity opens. */
  registered(): Promise<readonly ActivityId[]>;
  /** Second net, from MySQL: activities that were loaded and are not drained. */
  undrained(): Promise<readonly ActivityId[]>;
}

/** Which activities may have something in their outbox. One source being away does not hide what the other knows, or what was known before. */
export class FindActivities {
  private registered: readonly ActivityId[] = [];
  private undrained: readonly ActivityId[] = [];

  constructor(
    private readonly sources: ActivitySources,
    private readonly logger: Logger,
  ) {}

  get known(): ActivityId[] {
    return [...new Set([...this.registered, ...this.undrained])];
  }

  async refreshRegistered(): Promise<ActivityId[]> {
    try {
      this.registered = await this.sources.registered();
    } catch (error) {
      this.logger.warn({ err: error }, 'registry of activities cannot be read');
    }
    return this.known;
  }

  async refreshUndrained(): Promise<ActivityId[]> {
    try {
      this.undrained = await this.sources.undrained();
    } catch (error) {
      this.logger.warn({ err: error }, 'undrained activities cannot be read');
    }
    return this.known;
  }
}
