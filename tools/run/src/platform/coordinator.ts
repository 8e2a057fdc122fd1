import { connect } from 'node:net';
import { startServers } from '@coupon/servers';
import type { RunningServers, ServerEndpoint } from '@coupon/servers';

/** How the sagas' coordinator is reached, and from where it calls back. */
export interface CoordinatorAddresses {
  /** Origin of DTM's HTTP API. */
  readonly url: string;
  /** `host:port` of its gRPC API. */
  readonly grpcAddress: string;
  /** The address of this machine as DTM sees it. */
  readonly branchHost: string;
  /** The address that the branches must listen on for it. */
  readonly listenHost: string;
}

const CONNECT_TIMEOUT_MS = 5_000;
const LOOPBACK = '127.0.0.1';
const EVERYWHERE = '0.0.0.0';

export interface StartCoordinatorOptions {
  readonly purpose: string;
  readonly log: (line: string) => void;
  /** Settings of DTM on top of the usual ones. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

/** DTM from the first source that has it. It may have to be built, which takes minutes: start it beside everything else. */
export function startCoordinator(options: StartCoordinatorOptions): Promise<RunningServers<'dtm'>> {
  return startServers({
    need: ['dtm'],
    purpose: `${options.purpose}-dtm`,
    log: options.log,
    ...(options.environment === undefined ? {} : { environment: { dtm: options.environment } }),
  });
}

/** @param localAddressTo for tests */
export async function coordinatorAddresses(
  { url, grpcAddress, source }: ServerEndpoint,
  localAddressTo: (url: string) => Promise<string> = ownAddressTowards,
): Promise<CoordinatorAddresses> {
  if (grpcAddress === undefined) throw new Error('the coordinator has no gRPC address');
  // A container takes 127.0.0.1 in the address of a branch for this machine, and comes over an address that is not the loopback one.
  if (source === 'docker') return { url, grpcAddress, branchHost: LOOPBACK, listenHost: EVERYWHERE };
  // One that somebody else runs is told the address from which it is reached; this run's own processes are on the loopback address.
  const branchHost = source === 'environment' ? await localAddressTo(url) : LOOPBACK;
  return { url, grpcAddress, branchHost, listenHost: branchHost === LOOPBACK ? LOOPBACK : EVERYWHERE };
}

function ownAddressTowards(url: string): Promise<string> {
  const { hostname, port, protocol } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: hostname,
      port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
      family: 4,
      timeout: CONNECT_TIMEOUT_MS,
    });
    socket.once('connect', () => {
      const { localAddress = LOOPBACK } = socket;
      socket.destroy();
      resolve(localAddress);
    });
    socket.once('timeout', () => socket.destroy(new Error('DTM did not answer in time')));
    socket.once('error', reject);
  });
}
