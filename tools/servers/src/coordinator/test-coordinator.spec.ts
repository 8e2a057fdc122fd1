import { startTestCoordinator } from './test-coordinator';
import type { TestCoordinator, TestServerProvider } from './test-coordinator';
import type { ServerEndpoint, ServerKind } from '../types';

const endpoint = (kind: ServerKind): ServerEndpoint => ({
  kind,
  flavour: 'redis',
  version: '8.0.2',
  source: 'local',
  url: 'redis://127.0.0.1:1',
});

describe('startTestCoordinator', () => {
  let coordinator: TestCoordinator;
  const calls: string[] = [];
  let failures = 0;

  beforeEach(async () => {
    calls.length = 0;
    failures = 0;
    const provider: TestServerProvider = {
      provide: async (kind) => {
        calls.push(kind);
        if (failures-- > 0) throw new Error('Redis is missing: install it.');
        return endpoint(kind);
      },
      engine: async () => null,
      stop: async () => void calls.push('stop'),
    };
    coordinator = await startTestCoordinator(provider);
  });
  afterEach(() => coordinator.stop());

  const ask = async (path: string): Promise<{ status: number; body: unknown }> => {
    const answer = await fetch(`${coordinator.url}/${path}`);
    return { status: answer.status, body: await answer.json() };
  };

  it('starts nothing until it is asked, then each server once for everybody', async () => {
    expect(calls).toEqual([]);
    const answers = await Promise.all([ask('server/redis'), ask('server/redis'), ask('server/mysql')]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(answers[0]?.body).toEqual(endpoint('redis'));
    expect(calls.sort()).toEqual(['mysql', 'redis']);
  });

  it('says in one sentence why a server cannot be had, and tries again when it is asked again', async () => {
    failures = 1;
    expect(await ask('server/redis')).toEqual({ status: 503, body: { message: 'Redis is missing: install it.' } });
    expect(await ask('server/redis')).toMatchObject({ status: 200 });
  });

  it('answers null where the run has no container engine', async () => {
    expect(await ask('engine/mysql')).toEqual({ status: 200, body: null });
  });

  it('refuses unknown kinds and everybody without the token', async () => {
    expect(await ask('server/oracle')).toMatchObject({ status: 404 });
    const withoutToken = coordinator.url.replace(/\/[0-9a-f]+$/, '/0000');
    expect((await fetch(`${withoutToken}/server/redis`)).status).toBe(404);
    expect(calls).toEqual([]);
  });
});
