import { runLoad } from './run-load';
import type { LoadPlan } from './load-plan';

/** The generator's process: one plan after the other, each answered with its result or with why there is none. Ends with its parent. */
process.on('message', (plan: LoadPlan) => {
  runLoad(plan).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: true });
