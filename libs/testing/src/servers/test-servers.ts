import { request } from 'node:http';
import type { ServerEndpoint, ServerKind } from '@coupon/servers';

const VARIABLE = 'COUPON_TEST_COORDINATOR';
/** The first run on a machine downloads the servers, or builds images of them. */
export const PROVISION_TIMEOUT_MS = 900_000;

/**
 * The shared server of this test run, started now if no spec has asked for it before. It belongs to every spec of the run: take a
 * database, a logical database or a vhost of your own on it, never flush, kill or reconfigure it.
 * Rejects with one sentence that says what is missing.
 */
export async function testServer(kind: ServerKind): Promise<ServerEndpoint> {
  return ask<ServerEndpoint>(`server/${kind}`);
}

/**
 * Asks for a server while describe blocks are being defined, so that the servers a spec needs start side by side and not hook by hook.
 * A failure shows when a hook asks again.
 */
export function startEarly(kind: ServerKind): void {
  testServer(kind).catch(() => undefined);
}

/** The container engine of this test run with the image of `kind`; null where the tests run without containers. */
export function testEngine(kind: ServerKind): Promise<{ dockerHost: string | null; image: string } | null> {
  return ask(`engine/${kind}`);
}

async function ask<T>(path: string): Promise<T> {
  const coordinator = process.env[VARIABLE];
  if (coordinator === undefined) {
    throw new Error(`${VARIABLE} is not set: run this spec through Jest with the preset of the repository`);
  }
  const { status, body } = await get(`${coordinator}/${path}`);
  if (status === 200) return JSON.parse(body) as T;
  const { message } = JSON.parse(body) as { message?: string };
  throw new Error(message ?? `the test coordinator answered ${status}`);
}

/** Not fetch: its five minutes for the first header are fewer than a first run may need. */
function get(url: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const call = request(url, { timeout: PROVISION_TIMEOUT_MS, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    call.on('timeout', () => call.destroy(new Error('the test coordinator did not answer in time')));
    call.on('error', reject);
    call.end();
  });
}
