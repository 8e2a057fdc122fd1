import { pollUntil } from '../poll';
import type { Recipe } from '../recipes/recipe';
import { withoutCredentials } from '../urls';
import type { ServerAddresses, ServerEndpoint, ServerHandle } from '../types';
import { unavailable } from './source';
import type { Source } from './source';

const ANSWER_TIMEOUT_MS = 10_000;

/** A server that somebody else runs. It is used, never stopped, killed or configured. */
export const environmentSource: Source = {
  name: 'environment',
  description: 'from the environment',
  async open(recipe, { env }) {
    const url = env[recipe.variable];
    if (url === undefined || url === '') return unavailable(`${recipe.variable} is not set`);
    return { kind: 'server', server: await connectTo(recipe, { url, ...recipe.furtherAddresses?.(url, env) }) };
  },
};

async function connectTo(recipe: Recipe, addresses: ServerAddresses): Promise<ServerHandle> {
  const identity = await pollUntil(() => recipe.probe(addresses), {
    timeoutMs: ANSWER_TIMEOUT_MS,
    intervalMs: 250,
    what: `${recipe.variable} (${withoutCredentials(addresses.url)})`,
  });
  const endpoint: ServerEndpoint = {
    kind: recipe.kind,
    ...addresses,
    ...identity,
    source: 'environment',
  };
  const refuse = (): Promise<void> =>
    Promise.reject(new Error(`${recipe.kind} comes from ${recipe.variable}: this run may not kill, start or pause it`));
  return { endpoint, kill: refuse, start: refuse, restart: refuse, pause: refuse, resume: refuse };
}
