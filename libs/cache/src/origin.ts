import type { CacheClock } from './clock';
import { CacheLoadTimeoutError, CacheLoaderContractError } from './errors';
import type { CompiledOptions } from './options';
import type { CacheStatistics } from './statistics';

/** L3: the loader with a deadline, checked and counted. */
export class Origin<K, V> {
  constructor(
    private readonly options: CompiledOptions<K, V>,
    private readonly clock: CacheClock,
    private readonly statistics: CacheStatistics,
  ) {}

  /** @throws the error of the loader, CacheLoadTimeoutError or CacheLoaderContractError */
  async load(keys: readonly K[]): Promise<readonly (V | null)[]> {
    const { statistics, clock } = this;
    const startedMs = clock.nowMs();
    statistics.loads += keys.length;
    statistics.loadCalls += 1;
    try {
      const values = await this.withDeadline(keys);
      this.check(keys, values);
      for (const value of values) if (value === null) statistics.absent += 1;
      return values;
    } catch (error) {
      statistics.loadErrors += 1;
      throw error;
    } finally {
      statistics.l3Latency.record(clock.nowMs() - startedMs);
    }
  }

  private withDeadline(keys: readonly K[]): Promise<readonly (V | null)[]> {
    const { name, load, loadTimeoutMs } = this.options;
    return new Promise((resolve, reject) => {
      const cancel = this.clock.after(loadTimeoutMs, () => {
        reject(new CacheLoadTimeoutError(name, loadTimeoutMs));
      });
      // A loader that throws instead of rejecting is a rejection, too.
      void (async () => load(keys))().then(resolve, reject).finally(cancel);
    });
  }

  private check(keys: readonly K[], values: readonly (V | null)[]): void {
    const { name } = this.options;
    if (!Array.isArray(values) || values.length !== keys.length)
      throw new CacheLoaderContractError(name, `must answer ${keys.length} values or nulls, in order`);
    if (values.includes(undefined))
      throw new CacheLoaderContractError(name, 'has answered undefined: null stands for no value');
  }
}
