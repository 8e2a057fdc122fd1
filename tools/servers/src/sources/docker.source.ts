import { engineAnswers, pullImage } from '../container-engine';
import { exec } from '../exec';
import { pollUntil } from '../poll';
import type { ContainerLaunch, Recipe } from '../recipes/recipe';
import type { ServerEndpoint, ServerHandle } from '../types';
import { unavailable } from './source';
import type { Source, SourceContext } from './source';

const COMMAND_TIMEOUT_MS = 30_000;
const READY_TIMEOUT_MS = 120_000;

/** Containers of the official images, ports on 127.0.0.1 only. */
export const dockerSource: Source = {
  name: 'docker',
  description: 'Docker',
  async open(recipe, context) {
    if (!(await engineAnswers(context.env))) return unavailable('no container engine answers');
    const container = recipe.container();
    const launch = {
      ...container,
      command: [...container.command, ...(context.arguments?.[recipe.kind] ?? [])],
      // Only of servers that are configured so: what is meant for a process of this machine (LD_PRELOAD) has no place in a container.
      env: { ...container.env, ...(recipe.kind === 'dtm' ? context.environment?.dtm : {}) },
    };
    const image = context.images?.[recipe.kind] ?? launch.image;
    const missing = await pullImage(image, context);
    if (missing !== undefined) return unavailable(missing);
    return { kind: 'server', server: await startContainer(recipe, { ...launch, image }, context) };
  },
};

async function startContainer(recipe: Recipe, launch: ContainerLaunch, context: SourceContext): Promise<ServerHandle> {
  const { env, ports } = context;
  const supervisor = await context.supervisor();
  const hostPorts: number[] = [];
  for (let index = 0; index < launch.containerPorts.length; index++) hostPorts.push(await ports.next());
  const name = `coupon-${context.purpose}-${process.pid}-${recipe.kind}-${hostPorts[0]}`;
  await supervisor.addCleanup('docker', ['rm', '--force', '--volumes', name], definedOnly(env));
  const publish = launch.containerPorts.flatMap((port, index) => [
    '--publish',
    `127.0.0.1:${hostPorts[index]}:${port}`,
  ]);
  const variables = Object.entries(launch.env).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
  const hosts = launch.callsHost === true ? ['--add-host', 'host.docker.internal:host-gateway'] : [];
  const options = ['--detach', '--name', name, ...hosts, ...publish, ...variables];
  await docker(['run', ...options, launch.image, ...launch.command], env);
  const urls = launch.urls(hostPorts);
  const ready = async (): Promise<ServerEndpoint> => ({
    kind: recipe.kind,
    source: 'docker',
    ...urls,
    ...(await pollUntil(() => recipe.probe(urls), {
      timeoutMs: READY_TIMEOUT_MS,
      intervalMs: 100,
      what: `the container of ${launch.image}`,
    })),
  });
  const endpoint = await ready();
  const kill = (): Promise<void> => docker(['kill', '--signal', 'KILL', name], env);
  const start = async (): Promise<void> => {
    await docker(['start', name], env);
    await ready();
  };
  return {
    endpoint,
    kill,
    start,
    restart: () => kill().then(start),
    pause: () => docker(['pause', name], env),
    resume: () => docker(['unpause', name], env, NOT_PAUSED),
  };
}

const NOT_PAUSED = /is not (?:paused|running)/i;

/** @param fine an error that says that there was nothing to do */
async function docker(args: readonly string[], env: NodeJS.ProcessEnv, fine?: RegExp): Promise<void> {
  const { code, stderr } = await exec('docker', args, { timeoutMs: COMMAND_TIMEOUT_MS, env });
  if (code !== 0 && fine?.test(stderr) !== true) throw new Error(`docker ${args[0]} failed: ${stderr.trim()}`);
}

function definedOnly(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
