import type { SeededRandom } from '../random';

type AsyncMethod = (...args: never[]) => Promise<unknown>;
/** Names of the methods of T that return promises. */
export type AsyncMethodName<T> = { [K in keyof T]: T[K] extends AsyncMethod ? K : never }[keyof T];

/** `target` whose method `name` rejects with `error` without being called: nothing happened. */
export function alwaysThrow<T extends object>(target: T, name: AsyncMethodName<T>, error: Error): T {
  return replace(target, name, () => Promise.reject(error));
}

/** `target` whose method `name` is called after a random pause of `minMs` to `maxMs`. */
export function delay<T extends object>(
  target: T,
  name: AsyncMethodName<T>,
  options: { minMs: number; maxMs: number; random: SeededRandom },
): T {
  return replace(target, name, async (call) => {
    await new Promise((resolve) => setTimeout(resolve, options.random.int(options.minMs, options.maxMs)));
    return call();
  });
}

/**
 * `target` whose method `name` does its work and then rejects with `error` for the calls that `when` chooses (1 is the first): the work is
 * done, the caller does not learn it.
 */
export function dropReply<T extends object>(
  target: T,
  name: AsyncMethodName<T>,
  error: Error,
  when: (callNumber: number) => boolean = () => true,
): T {
  let calls = 0;
  return replace(target, name, async (call) => {
    const dropped = when(++calls);
    const value = await call();
    if (dropped) throw error;
    return value;
  });
}

function replace<T extends object>(
  target: T,
  name: AsyncMethodName<T>,
  method: (call: () => Promise<unknown>) => Promise<unknown>,
): T {
  return new Proxy(target, {
    get(object, key) {
      const value: unknown = Reflect.get(object, key, object);
      if (typeof value !== 'function') return value;
      const original = value as (...args: unknown[]) => Promise<unknown>;
      if (key !== name) return original.bind(object);
      return (...args: unknown[]) => method(() => original.apply(object, args));
    },
  });
}
