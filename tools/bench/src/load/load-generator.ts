import { BenchChild, bundle } from '../process/child';
import type { LoadPlan, LoadResult } from './load-plan';

const GRACE_MS = 60_000;

/** The generator's process, seen from the benchmark. */
export class LoadGenerator {
  private constructor(private readonly child: BenchChild) {}

  static async start(defer: (cleanUp: () => Promise<void>) => void): Promise<LoadGenerator> {
    const child = await BenchChild.start(await bundle('load/load-process'));
    defer(() => child.stop());
    return new LoadGenerator(child);
  }

  get pid(): number {
    return this.child.pid;
  }

  /** Runs a plan to its end. Rejects when it cannot be run, or when what the scan of the answers said was found wrong in the sample. */
  async run(plan: LoadPlan): Promise<LoadResult> {
    const timeoutMs = (plan.warmUpSeconds + plan.maxSeconds) * 1_000 + GRACE_MS;
    const { result, error } = await this.child.ask<{ result?: LoadResult; error?: string }>(plan, timeoutMs);
    if (result === undefined) throw new Error(`the load generator: ${error ?? 'no result'}`);
    if (result.sampleMismatches > 0) {
      throw new Error(`the load generator read ${result.sampleMismatches} of ${result.sampled} answers wrongly`);
    }
    return result;
  }
}
