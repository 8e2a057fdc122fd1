import { readFileSync } from 'node:fs';
import type { BuildCommand, BuildContext } from '../recipes/recipe';
import { startProcessServer } from './process-server';
import { unavailable } from './source';
import type { Source, SourceContext } from './source';

/** Built from pinned sources below the cache directory; a later run finds the program there. */
export const builtSource: Source = {
  name: 'built',
  description: 'built from source',
  async open(recipe, context) {
    if (!recipe.build) return unavailable('it is not built from source');
    const installation = await recipe.build(buildContext(context));
    if (typeof installation === 'string') return unavailable(installation);
    return { kind: 'server', server: await startProcessServer(recipe, installation, 'built', context) };
  },
};

function buildContext(context: SourceContext): BuildContext {
  return {
    env: context.env,
    cacheDirectory: context.cacheDirectory,
    log: context.log,
    run: (command) => runSupervised(command, context),
  };
}

/** Under the run's watchdog: a compiler must not go on when whoever wanted its result is gone. */
async function runSupervised(
  { timeoutMs, ...spec }: BuildCommand,
  context: SourceContext,
): Promise<{ code: number | null; output: string }> {
  const supervisor = await context.supervisor();
  const child = await supervisor.run(spec);
  const timer = setTimeout(() => void child.signal('SIGKILL'), timeoutMs);
  const exit = await child.exited;
  clearTimeout(timer);
  return { code: exit.code, output: readFileSync(child.logFile, 'utf8') };
}
