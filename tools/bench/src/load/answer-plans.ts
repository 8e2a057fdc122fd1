import type { LoadResult } from './load-plan';

/** The frame of a generator's process: one plan after the other, each answered with its result or with why there is none. Ends with its parent. */
export function answerPlans<Plan>(run: (plan: Plan) => Promise<LoadResult>): void {
  process.on('message', (plan: Plan) => {
    run(plan).then(
      (result) => process.send?.({ result }),
      (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
    );
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ ready: true });
}
