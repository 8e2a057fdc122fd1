import { pollUntil } from '../poll';
import type { Recipe } from '../recipes/recipe';
import { withoutCredentials } from '../urls';
import type { ServerEndpoint, ServerHandle } from '../types';
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
    const managementUrl = recipe.kind === 'rabbitmq' ? env['AMQP_MANAGEMENT_URL'] : undefined;
    return { kind: 'server', server: await connectTo(recipe, url, managementUrl) };
  },
};

async function connectTo(recipe: Recipe, url: string, managementUrl: string | undefined): Promise<ServerHandle> {
  const identity = await pollUntil(() => recipe.probe(url, managementUrl), {
    timeoutMs: ANSWER_TIMEOUT_MS,
    intervalMs: 250,
    what: `${recipe.variable} (${withoutCredentials(url)})`,
  });
  const endpoint: ServerEndpoint = {
    kind: recipe.kind,
    url,
    ...identity,
    source: 'environment',
    ...(managementUrl === undefined ? {} : { managementUrl }),
  };
  const refuse = (): Promise<void> =>
    Promise.reject(new Error(`${recipe.kind} comes from ${recipe.variable}: this run may not kill, start or pause it`));
  return { endpoint, kill: refuse, start: refuse, restart: refuse, pause: refuse, resume: refuse };
}
