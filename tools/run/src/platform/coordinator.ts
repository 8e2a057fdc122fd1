import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { OWN_PROCESS_SOURCES, ServerUnavailableError, startServers } from '@coupon/servers';
import type { RunningServers, ServerEndpoint } from '@coupon/servers';
import { labelled } from '../cli/screen';
import { REPOSITORY } from './layout';

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

/** boltdb: a file of the run. mysql: as deployment files have it, in a database of its own on the run's server. */
export type CoordinatorStore = 'boltdb' | 'mysql';

export interface Coordinator {
  readonly servers: RunningServers<'dtm'>;
  /** Undefined for one that somebody else runs. */
  readonly store: CoordinatorStore | undefined;
}

export interface StartCoordinatorOptions {
  readonly purpose: string;
  readonly log: (line: string) => void;
  readonly store: CoordinatorStore;
  /** The run's MySQL, for store mysql. */
  readonly mysql: () => Promise<ServerEndpoint>;
}

/** DTM from the first source that has it. It may have to be built, which takes minutes: start it beside everything else. */
export async function startCoordinator({ purpose, log, store, mysql }: StartCoordinatorOptions): Promise<Coordinator> {
  const options = { need: ['dtm'], purpose: `${purpose}-dtm`, log } as const;
  const started = (servers: RunningServers<'dtm'>, kept: CoordinatorStore): Coordinator => ({
    servers,
    store: servers.endpoints.dtm.source === 'environment' ? undefined : kept,
  });
  if (store === 'mysql') {
    try {
      const dtm = await createStore(await mysql());
      // A container would not reach a MySQL that listens on the loopback address.
      const sources = ['environment', ...OWN_PROCESS_SOURCES] as const;
      return started(await startServers({ ...options, sources, environment: { dtm } }), 'mysql');
    } catch (error) {
      if (!(error instanceof ServerUnavailableError) && !(error instanceof StoreRefused)) throw error;
      log(labelled('dtm', `keeps its transactions in boltdb instead of MySQL: ${error.message}`));
    }
  }
  return started(await startServers(options), 'boltdb');
}

class StoreRefused extends Error {
  override readonly name = 'StoreRefused';
}

/** Makes its database and its user. @returns DTM's settings for it */
async function createStore({ url, source }: ServerEndpoint): Promise<Record<string, string>> {
  // The user's name is fixed, its password would be changed.
  if (source === 'environment') throw new StoreRefused('the server of MYSQL_URL may have a user dtm of its own');
  const password = randomBytes(18).toString('base64url');
  const template = readFileSync(join(REPOSITORY, 'infra', 'mysql', 'dtm.sql.tmpl'), 'utf8');
  const sql = template.replaceAll('${DTM_DATABASE}', 'dtm').replaceAll('${DTM_PASSWORD}', password);
  const connection = await createConnection({ uri: url, multipleStatements: true, connectTimeout: CONNECT_TIMEOUT_MS });
  try {
    await connection.query(sql);
  } finally {
    await connection.end();
  }
  const { hostname, port } = new URL(url);
  return {
    STORE_DRIVER: 'mysql',
    STORE_HOST: hostname,
    STORE_PORT: port,
    STORE_USER: 'dtm',
    STORE_PASSWORD: password,
    STORE_DB: 'dtm',
    STORE_MAX_OPEN_CONNS: '50',
    STORE_MAX_IDLE_CONNS: '50',
  };
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
