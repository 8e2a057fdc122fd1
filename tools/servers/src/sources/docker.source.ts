import { exec } from '../exec';
import { pollUntil } from '../poll';
import type { Recipe } from '../recipes/recipe';
import type { ServerEndpoint, ServerHandle } from '../types';
import { unavailable } from './source';
import type { Source, SourceContext } from './source';

const ENGINE_TIMEOUT_MS = 5000;
const COMMAND_TIMEOUT_MS = 30_000;
const READY_TIMEOUT_MS = 120_000;
/** A registry that answers says "Pulling from" at once; one that does not must not cost a minute per image. */
const REGISTRY_TIMEOUT_MS = 10_000;
const PULL_TIMEOUT_MS = 300_000;

/** Containers of the official images, ports on 127.0.0.1 only. */
export const dockerSource: Source = {
  name: 'docker',
  description: 'Docker',
  async open(recipe, context) {
    if (!(await engineAnswers(context.env))) return unavailable('no container engine answers');
    const launch = recipe.container();
    const missing = await ensureImage(launch.image, context);
    if (missing !== undefined) return unavailable(missing);
    return { kind: 'server', server: await startContainer(recipe, context) };
  },
};

/** True when a container engine answers the docker command line client. */
export async function engineAnswers(env: NodeJS.ProcessEnv): Promise<boolean> {
  const { code, stdout } = await exec('docker', ['version', '--format', '{{.Server.Version}}'], {
    timeoutMs: ENGINE_TIMEOUT_MS,
    env,
  });
  return code === 0 && stdout.trim() !== '';
}

/** Pulls an image unless it is there. Returns why it cannot be had. */
async function ensureImage(image: string, context: SourceContext): Promise<string | undefined> {
  const { env } = context;
  const present = await exec('docker', ['image', 'inspect', '--format', 'present', image], {
    timeoutMs: COMMAND_TIMEOUT_MS,
    env,
  });
  if (present.code === 0) return undefined;
  context.log(`docker    pulling ${image}, once`);
  let answered = false;
  const started = performance.now();
  const pull = await Promise.race([
    exec('docker', ['pull', image], {
      timeoutMs: PULL_TIMEOUT_MS,
      env,
      onLine: (line) => {
        answered ||= /Pulling|Digest|Download/.test(line);
      },
    }),
    new Promise<undefined>((resolve) => {
      const timer = setInterval(() => {
        if (answered) clearInterval(timer);
        else if (performance.now() - started > REGISTRY_TIMEOUT_MS) {
          clearInterval(timer);
          resolve(undefined);
        }
      }, 100);
      timer.unref();
    }),
  ]);
  if (pull?.code === 0) return undefined;
  return pull
    ? `${image} cannot be pulled: ${pull.stderr.trim().split('\n').at(-1) ?? ''}`
    : 'the image registry does not answer';
}

async function startContainer(recipe: Recipe, context: SourceContext): Promise<ServerHandle> {
  const { env, ports } = context;
  const launch = recipe.container();
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
  await docker(['run', '--detach', '--name', name, ...publish, ...variables, launch.image, ...launch.command], env);
  const urls = launch.urls(hostPorts);
  const ready = async (): Promise<ServerEndpoint> => ({
    kind: recipe.kind,
    source: 'docker',
    ...urls,
    ...(await pollUntil(() => recipe.probe(urls.url, urls.managementUrl), {
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
  return { endpoint, kill, start, restart: () => kill().then(start) };
}

async function docker(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const { code, stderr } = await exec('docker', args, { timeoutMs: COMMAND_TIMEOUT_MS, env });
  if (code !== 0) throw new Error(`docker ${args[0]} failed: ${stderr.trim()}`);
}

function definedOnly(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
