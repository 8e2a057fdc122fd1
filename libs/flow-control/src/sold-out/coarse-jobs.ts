import Bottleneck from 'bottleneck';

/** Runs at most `maxConcurrent` jobs at once, in order. For what happens a few times a second at most: every job costs timers. */
export function coarseJobs(maxConcurrent: number): <T>(job: () => Promise<T>) => Promise<T> {
  const jobs = new Bottleneck({ maxConcurrent });
  return (job) => jobs.schedule(job);
}
