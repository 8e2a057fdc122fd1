import type { Redis } from 'ioredis';
import { scripts } from '../../src/generated/scripts';
import type { ScriptName } from '../../src/run-script';

const TIME = "redis.call('TIME')";

/**
 * The text of a script that reads the clock once, with that reading replaced by its last two arguments. Production runs the embedded text by
 * its hash and has no such door: the replacement exists in tests only.
 */
export function withControlledClock(name: ScriptName): string {
  return `local controlled = { table.remove(ARGV, #ARGV - 1), table.remove(ARGV) }\n${withReading(name, 'controlled')}`;
}

/** The same for a script that counts its arguments: its text with this reading of the clock in it. */
export function withClockAt(name: ScriptName, nowUs: number): string {
  return withReading(name, `{ '${Math.floor(nowUs / 1e6)}', '${nowUs % 1e6}' }`);
}

function withReading(name: ScriptName, reading: string): string {
  const [before, after, ...more] = scripts[name].text.split(TIME);
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error(`${name} must read the clock once`);
  return `${before}${reading}${after}`;
}

/** Runs calls one after the other, each at its time, in one round trip. @returns their replies. */
export async function runAt(
  redis: Redis,
  name: ScriptName,
  keys: string | readonly string[],
  calls: readonly { readonly nowUs: number; readonly args: readonly (string | number)[] }[],
): Promise<number[][]> {
  const text = withControlledClock(name);
  const all = typeof keys === 'string' ? [keys] : keys;
  const pipeline = redis.pipeline();
  for (const { nowUs, args } of calls) {
    pipeline.eval(text, all.length, ...all, ...args, Math.floor(nowUs / 1e6), nowUs % 1e6);
  }
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, reply]) => {
    if (error) throw error;
    return reply as number[];
  });
}
