import { exec } from './exec';

const ENGINE_TIMEOUT_MS = 5000;
const INSPECT_TIMEOUT_MS = 30_000;
/** A registry that answers says so at once; one that does not must not cost a minute per image. */
const REGISTRY_TIMEOUT_MS = 10_000;
const PULL_TIMEOUT_MS = 300_000;

/** True when a container engine answers the docker command line client. */
export async function engineAnswers(env: NodeJS.ProcessEnv): Promise<boolean> {
  const { code, stdout } = await exec('docker', ['version', '--format', '{{.Server.Version}}'], {
    timeoutMs: ENGINE_TIMEOUT_MS,
    env,
  });
  return code === 0 && stdout.trim() !== '';
}

export async function imageIsPresent(image: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  const { code } = await exec('docker', ['image', 'inspect', '--format', 'present', image], {
    timeoutMs: INSPECT_TIMEOUT_MS,
    env,
  });
  return code === 0;
}

/** Pulls an image unless it is there. Returns why it cannot be had, or undefined. */
export async function pullImage(
  image: string,
  { env, log }: { readonly env: NodeJS.ProcessEnv; readonly log: (line: string) => void },
): Promise<string | undefined> {
  if (await imageIsPresent(image, env)) return undefined;
  log(`docker    pulling ${image}, once`);
  const controller = new AbortController();
  const giveUp = setTimeout(() => controller.abort(), REGISTRY_TIMEOUT_MS);
  const pull = await exec('docker', ['pull', image], {
    timeoutMs: PULL_TIMEOUT_MS,
    env,
    signal: controller.signal,
    onLine: (line) => {
      if (/Pulling|Digest|Download/.test(line)) clearTimeout(giveUp);
    },
  });
  clearTimeout(giveUp);
  if (pull.code === 0) return undefined;
  if (controller.signal.aborted) return 'the image registry does not answer';
  return `${image} cannot be pulled: ${pull.stderr.trim().split('\n').at(-1) ?? ''}`;
}
