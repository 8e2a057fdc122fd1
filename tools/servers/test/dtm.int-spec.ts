import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { OWN_PROCESS_SOURCES, startServers } from '../src';
import type { RunningServers } from '../src';

const FIRST_RUN_MS = 900_000;

describe('the DTM server of this machine', () => {
  let run: RunningServers<'dtm'>;

  beforeAll(async () => {
    run = await startServers({ need: ['dtm'], purpose: 'test', sources: OWN_PROCESS_SOURCES });
  }, FIRST_RUN_MS);
  afterAll(() => run?.stop());

  const call = async (path: string, body?: object): Promise<{ status: number; body: unknown }> => {
    const answer = await fetch(`${run.endpoints.dtm.url}/api/dtmsvr/${path}`, {
      ...(body ? { method: 'POST', body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(5000),
    });
    return { status: answer.status, body: await answer.json() };
  };

  it('is version 1.19 with both of its APIs', () => {
    expect(run.endpoints.dtm).toMatchObject({
      flavour: 'dtm',
      version: expect.stringMatching(/^1\.19\./) as unknown,
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as unknown,
      grpcAddress: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as unknown,
    });
  });

  it('can be reached over the loopback interface only', async () => {
    const outside = Object.values(networkInterfaces())
      .flat()
      .find((address) => address?.family === 'IPv4' && !address.internal)?.address;
    const { url, grpcAddress = '' } = run.endpoints.dtm;
    for (const port of [new URL(url).port, grpcAddress.split(':')[1]].map(Number)) {
      expect(await accepts('127.0.0.1', port)).toBe(true);
      // 127.0.0.2 is loopback too, but a server bound to 127.0.0.1 does not answer there; one bound to everything does.
      expect(await accepts('127.0.0.2', port)).toBe(false);
      if (outside !== undefined) expect(await accepts(outside, port)).toBe(false);
    }
  });

  it('killed with -9 keeps every transaction it has answered for', async () => {
    const saga = {
      gid: 'kept',
      trans_type: 'saga',
      steps: [{ action: 'http://127.0.0.1:1/a', compensate: '' }],
      payloads: ['{}'],
    };
    expect(await call('prepare', saga)).toMatchObject({ status: 200 });
    await run.servers.dtm.kill();
    await expect(call('query?gid=kept')).rejects.toThrow();
    await run.servers.dtm.start();
    expect(await call('query?gid=kept')).toMatchObject({ body: { transaction: { gid: 'kept', status: 'prepared' } } });
  });

  it('finds the branches of every transaction, also where one id is the beginning of another', async () => {
    const gids = ['p', 'p-1', 'p-10', 'p-1-0', 'p-100', 'p-1000', 'p-01'];
    for (const gid of gids) {
      const steps = Array.from({ length: 2 }, () => ({
        action: 'http://127.0.0.1:1/a',
        compensate: 'http://127.0.0.1:1/c',
      }));
      const saga = { gid, trans_type: 'saga', steps, payloads: ['{}', '{}'], retry_interval: 3600 };
      expect(await call('submit', saga)).toMatchObject({ status: 200 });
    }
    for (const gid of gids) {
      const { body } = await call(`query?gid=${gid}`);
      expect({ gid, branches: (body as { branches: unknown[] }).branches.length }).toEqual({ gid, branches: 4 });
    }
  });
});

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2000 });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('timeout', () => socket.destroy(new Error('no answer')));
    socket.once('error', () => resolve(false));
  });
}
