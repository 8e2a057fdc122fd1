import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import type { RequestOptions } from 'node:http';
import { PROVISION_TIMEOUT_MS, startEarly, testServer } from './test-servers';

export interface Vhost {
  readonly name: string;
  /** AMQP URL of the virtual host. */
  readonly url: string;
  /** Base URL of the broker's management API, with credentials. */
  readonly managementUrl: string;
}

const CALL_TIMEOUT_MS = 20_000;

/** Creates a RabbitMQ virtual host of its own on the shared broker. `remove` deletes it with all its queues. */
export async function createVhost(): Promise<Vhost & { remove(): Promise<void> }> {
  const endpoint = await testServer('rabbitmq');
  const { managementUrl } = endpoint;
  if (managementUrl === undefined) {
    throw new Error('specs need virtual hosts of their own: set AMQP_MANAGEMENT_URL to the management API of AMQP_URL');
  }
  const name = `test-${randomBytes(6).toString('hex')}`;
  const user = new URL(endpoint.url).username;
  await callManagement(managementUrl, 'PUT', `/api/vhosts/${name}`);
  await callManagement(managementUrl, 'PUT', `/api/permissions/${name}/${user}`, {
    configure: '.*',
    write: '.*',
    read: '.*',
  });
  const url = new URL(endpoint.url);
  url.pathname = `/${name}`;
  return {
    name,
    url: url.toString(),
    managementUrl,
    remove: () => callManagement(managementUrl, 'DELETE', `/api/vhosts/${name}`).then(() => undefined),
  };
}

/** A virtual host for the specs of the surrounding describe block. */
export function useVhost(): Vhost {
  startEarly('rabbitmq');
  let current: Awaited<ReturnType<typeof createVhost>> | undefined;
  const get = (): Vhost => {
    if (!current) throw new Error('the virtual host exists only while hooks and tests run');
    return current;
  };
  beforeAll(async () => {
    current = await createVhost();
  }, PROVISION_TIMEOUT_MS);
  afterAll(async () => {
    await current?.remove();
    current = undefined;
  });
  return {
    get name() {
      return get().name;
    },
    get url() {
      return get().url;
    },
    get managementUrl() {
      return get().managementUrl;
    },
  };
}

/** One call of RabbitMQ's management API. `path` starts with /api. Resolves with the parsed body; rejects on any status but 2xx. */
async function callManagement(managementUrl: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const { hostname, port, username, password } = new URL(managementUrl);
  const { status, text } = await send({
    url: { hostname, port, path, method },
    auth: `${decodeURIComponent(username)}:${decodeURIComponent(password)}`,
    body: body === undefined ? '' : JSON.stringify(body),
  });
  if (status < 200 || status > 299)
    throw new Error(`RabbitMQ management API: ${method} ${path} answered ${status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** Not fetch: its idle connections keep a process alive for seconds. */
function send({
  url,
  auth,
  body,
}: {
  url: RequestOptions;
  auth: string;
  body: string;
}): Promise<{ status: number; text: string }> {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const call = request({ ...url, auth, headers, agent: false, timeout: CALL_TIMEOUT_MS }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', reject);
    });
    call.on('timeout', () => call.destroy(new Error('the management API did not answer in time')));
    call.on('error', reject);
    call.end(body);
  });
}
