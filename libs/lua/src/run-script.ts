import type { Cluster, Redis } from 'ioredis';
import { scripts } from './generated/scripts';

export type ClaimRedis = Redis | Cluster;
export type ScriptName = keyof typeof scripts;

/** True for the reply that says the server does not know the script: nothing was executed. */
export function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}

/** EVALSHA, and EVAL once when the server has forgotten the script: NOSCRIPT means that nothing ran, so a second send is safe. */
export async function runScript(
  redis: ClaimRedis,
  name: ScriptName,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  const script = scripts[name];
  if (keys.length !== script.numberOfKeys) throw new Error(`${name} takes ${script.numberOfKeys} keys`);
  try {
    return await redis.evalsha(script.sha1, keys.length, ...keys, ...args);
  } catch (error) {
    if (!isNoScript(error)) throw error;
    return redis.eval(script.text, keys.length, ...keys, ...args);
  }
}

/** Loads scripts into a server's cache, so that the first batch after a connect does not have to. */
export async function loadScripts(redis: Redis, names: readonly ScriptName[]): Promise<void> {
  for (const name of names) await redis.script('LOAD', scripts[name].text);
}
