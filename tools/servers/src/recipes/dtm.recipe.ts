import { realpathSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import { buildDtm } from '../dtm/build-dtm';
import { LISTEN_HOST_VARIABLE } from '../dtm/dtm-source';
import { exec, findProgram } from '../exec';
import type { ServerAddresses, ServerIdentity } from '../types';
import { isAtLeast, plainEnvironment } from './recipe';
import type { BuildContext, ContainerLaunch, Installation, Launch, LaunchContext, Recipe } from './recipe';

const PROBE_TIMEOUT_MS = 2000;
const MAX_ANSWER_BYTES = 64 * 1024;
const HTTP_PORT = 36789;
const GRPC_PORT = 36790;

/** Every setting of DTM is a variable. Branch results are stored before the next step: without it a crash can lose a compensation. */
const SETTINGS = {
  STORE_DRIVER: 'boltdb',
  UPDATE_BRANCH_SYNC: '1',
  TRANS_CRON_INTERVAL: '1',
  LOG_LEVEL: 'error',
};

/** The coordinator of sagas, on a store of its own (boltdb) in the run's directory. */
export const dtmRecipe: Recipe = {
  kind: 'dtm',
  variable: 'DTM_URL',
  furtherAddresses: (url, env) => ({ grpcAddress: grpcAddressOf(url, env['DTM_GRPC_ADDRESS']) }),
  advice:
    'DTM is missing: install Docker, or Go 1.22 or newer (it is then built once from the Go module proxy), or put dtm 1.19 on PATH, or set DTM_URL.',
  packages: [],
  systemPackages: [],
  findLocal: async (path) => {
    const program = findProgram('dtm', path);
    return program === undefined ? undefined : inspect(realpathSync(program));
  },
  findUnpacked: async () => undefined,
  build,
  launch,
  container,
  probe,
};

/** As in DTM's defaults, the gRPC port is the one after the HTTP port unless the environment says otherwise. */
function grpcAddressOf(url: string, given: string | undefined): string {
  if (given !== undefined && given !== '') return given;
  const { hostname, port, protocol } = new URL(url);
  const httpPort = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
  return `${hostname}:${httpPort + 1}`;
}

async function inspect(program: string): Promise<Installation | undefined> {
  const { stdout } = await exec(program, ['-v'], { timeoutMs: 5000 });
  const version = /dtm version: v(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  if (version === undefined || !isAtLeast(version, 1, 19)) return undefined;
  return { kind: 'dtm', flavour: 'dtm', version, usr: '/usr', server: { command: program, args: [] } };
}

async function build(context: BuildContext): Promise<Installation | string> {
  const result = await buildDtm(context);
  if ('unavailable' in result) return result.unavailable;
  return (await inspect(result.program)) ?? `${result.program} does not run`;
}

async function launch(installation: Installation, { directory, ports }: LaunchContext): Promise<Launch> {
  const cwd = realpathSync(directory); // dtm.bolt is made there
  const httpPort = await ports.next();
  const grpcPort = await ports.next();
  return {
    addresses: { url: `http://127.0.0.1:${httpPort}`, grpcAddress: `127.0.0.1:${grpcPort}` },
    main: {
      name: 'dtm',
      command: installation.server.command,
      args: [...installation.server.args],
      env: {
        ...plainEnvironment(cwd),
        ...SETTINGS,
        [LISTEN_HOST_VARIABLE]: '127.0.0.1',
        HTTP_PORT: String(httpPort),
        GRPC_PORT: String(grpcPort),
      },
      cwd,
    },
  };
}

function container(): ContainerLaunch {
  return {
    image: 'yedf/dtm:1.19',
    // With IS_DOCKER the server takes localhost and 127.0.0.1 in the URLs of branches for the machine the container runs on.
    env: { ...SETTINGS, IS_DOCKER: '1' },
    callsHost: true,
    command: [],
    containerPorts: [HTTP_PORT, GRPC_PORT],
    urls: ([port, grpcPort], host = '127.0.0.1') => ({
      url: `http://${host}:${port}`,
      grpcAddress: `${host}:${grpcPort}`,
    }),
  };
}

/** `/api/ping` answers without a store; a query does not. The gRPC port opens a moment after the HTTP port. */
async function probe({ url, grpcAddress }: ServerAddresses): Promise<ServerIdentity> {
  await getJson(url, '/api/dtmsvr/query?gid=probe');
  const { version } = (await getJson(url, '/api/dtmsvr/version')) as { version?: string };
  if (grpcAddress !== undefined) await accepts(grpcAddress);
  return { flavour: 'dtm', version: version?.replace(/^v/, '') ?? 'unknown' };
}

/** Not fetch: its idle connections keep a process alive for seconds. */
function getJson(url: string, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const call = get(new URL(path, url), { agent: false, timeout: PROBE_TIMEOUT_MS }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (text: string) => {
        body += text;
        if (body.length > MAX_ANSWER_BYTES) answer.destroy(new Error('DTM answered too much'));
      });
      answer.on('error', reject);
      answer.on('end', () => {
        if (answer.statusCode !== 200) reject(new Error(`DTM answered ${answer.statusCode} to ${path}`));
        else resolve(parse(body, reject));
      });
    });
    call.on('timeout', () => call.destroy(new Error('DTM did not answer in time')));
    call.on('error', reject);
  });
}

function parse(body: string, reject: (error: Error) => void): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch (cause) {
    reject(new Error('what answers at the address of DTM is not DTM', { cause }));
    return undefined;
  }
}

function accepts(address: string): Promise<void> {
  const { hostname, port } = new URL(`tcp://${address}`);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), timeout: PROBE_TIMEOUT_MS });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('timeout', () => socket.destroy(new Error("DTM's gRPC port did not answer in time")));
    socket.once('error', reject);
  });
}
