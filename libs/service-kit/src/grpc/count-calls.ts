import type { ServiceDefinition, UntypedHandleCall, UntypedServiceImplementation } from '@grpc/grpc-js';

type Callback = (...args: unknown[]) => void;
type AnyCall = NodeJS.EventEmitter;

/** Counts the calls in hand, so that a drain can wait for the app's calls without waiting for health watchers. */
export interface CallCounter {
  wrap(definition: ServiceDefinition, implementation: UntypedServiceImplementation): UntypedServiceImplementation;
  /** Resolves when no call is left, or when the signal aborts. */
  untilIdle(signal?: AbortSignal): Promise<void>;
}

export function countCalls(): CallCounter {
  let active = 0;
  let waiting: (() => void)[] = [];

  const begin = (): (() => void) => {
    active += 1;
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      active -= 1;
      if (active > 0) return;
      // A turn later: the answer has then been handed to the transport.
      setImmediate(() => {
        if (active > 0) return;
        waiting.forEach((resolve) => {
          resolve();
        });
        waiting = [];
      });
    };
  };

  return {
    wrap: (definition, implementation) =>
      Object.fromEntries(
        Object.entries(definition).map(([name, method]) => {
          const handler = implementation[name];
          if (handler === undefined) throw new Error(`no implementation of ${method.path}`);
          return [name, method.responseStream ? countStream(handler, begin) : countUnary(handler, begin)];
        }),
      ),
    untilIdle: async (signal) => {
      if (active === 0 || signal?.aborted === true) return;
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        signal?.addEventListener(
          'abort',
          () => {
            resolve();
          },
          { once: true },
        );
      });
    },
  };
}

function countUnary(handler: UntypedHandleCall, begin: () => () => void): UntypedHandleCall {
  const inner = handler as (call: AnyCall, callback: Callback) => void;
  const counted = (call: AnyCall, callback: Callback): void => {
    const end = begin();
    inner(call, (...args) => {
      callback(...args);
      end();
    });
  };
  return counted as UntypedHandleCall;
}

function countStream(handler: UntypedHandleCall, begin: () => () => void): UntypedHandleCall {
  const inner = handler as (call: AnyCall) => void;
  const counted = (call: AnyCall): void => {
    const end = begin();
    for (const event of ['finish', 'cancelled', 'error', 'close']) call.once(event, end);
    inner(call);
  };
  return counted as UntypedHandleCall;
}
