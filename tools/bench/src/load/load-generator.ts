import { BenchChild, bundle } from '../process/child';
import type { LoadPlan, LoadResult } from './load-plan';

/** A warm-up by number of requests, opening the connections, the last answers. */
const GRACE_MS = 90_000;

/** A generator's process, seen from the benchmark. */
export class LoadGenerator<Plan extends Pick<LoadPlan, 'warmUpSeconds' | 'maxSeconds'> = LoadPlan> {
  private constructor(private readonly child: BenchChild) {}

  /** @param entry the process: `load/load-process`, or one that takes other plans. */
  static async start<Plan extends Pick<LoadPlan, 'warmUpSeconds' | 'maxSeconds'>>(
    entry: string,
    defer: (cleanUp: () => Promise<void>) => void,
  ): Promise<LoadGenerator<Plan>> {
    const child = await BenchChild.start(await bundle(entry));
    defer(() => child.stop());
    return new LoadGenerator<Plan>(child);
  }

  /** Runs a plan to its end. Rejects when it cannot be run, or when what the scan of the answers said was found wrong in the sample. */
  async run(plan: Plan): Promise<LoadResult> {
    const timeoutMs = (plan.warmUpSeconds + plan.maxSeconds) * 1_000 + GRACE_MS;
    const { result, error } = await this.child.ask<{ result?: LoadResult; error?: string }>(plan, timeoutMs);
    if (result === undefined) throw new Error(`the load generator: ${error ?? 'no result'}`);
    if (result.sampleMismatches > 0) {
      throw new Error(`the load generator read ${result.sampleMismatches} of ${result.sampled} answers wrongly`);
    }
    return result;
  }
}
