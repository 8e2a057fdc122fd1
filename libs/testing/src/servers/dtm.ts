import type { ServerHandle } from '@coupon/servers';
import { useOwnServers } from './own-servers';

export interface Dtm extends Pick<ServerHandle, 'kill' | 'start' | 'restart'> {
  /** Origin of the HTTP API. */
  readonly url: string;
  /** `host:port` of the gRPC API. */
  readonly grpcAddress: string;
  /** Where a participant must listen so that DTM reaches it at 127.0.0.1: from a container it comes in over another interface. */
  readonly participantHost: '127.0.0.1' | '0.0.0.0';
}

/**
 * A private DTM for the surrounding describe block. Never shared: DTM repeats the calls of sagas whose participants are gone for ever, one
 * after the other, and other specs would wait for them.
 * @param environment settings of the server: `{ STORE_DRIVER: 'mysql', … }`
 */
export function useDtm(environment: Readonly<Record<string, string>> = {}): Dtm {
  const own = useOwnServers(['dtm'], { environment: { dtm: environment } });
  return {
    get url() {
      return own.endpoints.dtm.url;
    },
    get grpcAddress() {
      const { grpcAddress } = own.endpoints.dtm;
      if (grpcAddress === undefined) throw new Error('DTM has no gRPC address');
      return grpcAddress;
    },
    get participantHost() {
      return own.endpoints.dtm.source === 'docker' ? '0.0.0.0' : '127.0.0.1';
    },
    kill: () => own.servers.dtm.kill(),
    start: () => own.servers.dtm.start(),
    restart: () => own.servers.dtm.restart(),
  };
}
