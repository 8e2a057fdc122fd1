import type { Server, ServiceDefinition, UntypedHandleCall, UntypedServiceImplementation } from '@grpc/grpc-js';

interface StreamCall extends NodeJS.EventEmitter {
  end(): void;
}

/** Streams of the built-in services (health watch, reflection): clients keep them open for ever, so the server has to end them. */
export interface OpenStreams {
  /** What the built-in services register themselves with instead of the server. */
  readonly registrar: Pick<Server, 'addService'>;
  endAll(): void;
}

export function trackStreams(server: Server): OpenStreams {
  const open = new Set<StreamCall>();
  const track = (handler: UntypedHandleCall): UntypedHandleCall => {
    const inner = handler as (call: StreamCall) => void;
    const tracked = (call: StreamCall): void => {
      open.add(call);
      for (const event of ['finish', 'cancelled', 'error', 'close']) call.once(event, () => open.delete(call));
      inner(call);
    };
    return tracked;
  };
  return {
    registrar: {
      addService: (definition: ServiceDefinition, implementation: UntypedServiceImplementation) => {
        server.addService(definition, trackResponses(definition, implementation, track));
      },
    },
    endAll: () => {
      for (const call of open) call.end();
    },
  };
}

function trackResponses(
  definition: ServiceDefinition,
  implementation: UntypedServiceImplementation,
  track: (handler: UntypedHandleCall) => UntypedHandleCall,
): UntypedServiceImplementation {
  const tracked: Record<string, UntypedHandleCall> = { ...implementation };
  for (const [name, { originalName, responseStream }] of Object.entries(definition)) {
    // grpc-js finds a handler under either name, this one first.
    const key = name in tracked ? name : (originalName ?? name);
    const handler = tracked[key];
    if (responseStream && handler !== undefined) tracked[key] = track(handler);
  }
  return tracked;
}
