import { startServers } from './start-servers';
import type { Source, SourceResult } from './sources/source';
import { SERVER_SOURCES, ServerUnavailableError } from './types';
import type { ServerHandle, ServerSource } from './types';

const handle = (source: ServerSource): ServerHandle => ({
  endpoint: { kind: 'redis', flavour: 'redis', version: '8.0.2', source, url: 'redis://user:secret@127.0.0.1:23456' },
  kill: async () => undefined,
  start: async () => undefined,
  restart: async () => undefined,
  pause: async () => undefined,
  resume: async () => undefined,
});

const has = (source: ServerSource) => async (): Promise<SourceResult> => ({ kind: 'server', server: handle(source) });
const hasNot = async (): Promise<SourceResult> => ({ kind: 'unavailable', reason: 'not here' });
const breaks = async (): Promise<SourceResult> => {
  throw new Error('ended while starting');
};

function sources(open: Partial<Record<ServerSource, Source['open']>>): {
  all: Record<ServerSource, Source>;
  asked: ServerSource[];
} {
  const asked: ServerSource[] = [];
  const entries = SERVER_SOURCES.map((name): [ServerSource, Source] => [
    name,
    {
      name,
      description: `by ${name}`,
      open: (recipe, context) => {
        asked.push(name);
        return (open[name] ?? hasNot)(recipe, context);
      },
    },
  ]);
  return { all: Object.fromEntries(entries) as Record<ServerSource, Source>, asked };
}

async function start(open: Partial<Record<ServerSource, Source['open']>>, only?: readonly ServerSource[]) {
  const { all, asked } = sources(open);
  const lines: string[] = [];
  const options = {
    need: ['redis'] as const,
    purpose: 'spec',
    log: (line: string) => lines.push(line),
    sourceImplementations: all,
  };
  const run = await startServers(only ? { ...options, sources: only } : options).catch(
    (error: unknown) => error as ServerUnavailableError,
  );
  return { run, asked, lines };
}

describe('startServers', () => {
  it('asks the environment, Docker, local programs, a build, unpacked packages and the package manager, in this order', async () => {
    const { run, asked } = await start({});
    expect(asked).toEqual(['environment', 'docker', 'local', 'built', 'unpacked', 'installed']);
    expect(run).toBeInstanceOf(ServerUnavailableError);
  });

  it('takes the first source that has the server and asks no further one', async () => {
    const { run, asked } = await start({ local: has('local'), unpacked: has('unpacked') });
    expect(asked).toEqual(['environment', 'docker', 'local']);
    expect(run).toMatchObject({ endpoints: { redis: { source: 'local' } } });
  });

  it('says each choice in one line, without the password', async () => {
    const { lines } = await start({ docker: has('docker') });
    expect(lines).toEqual([expect.stringMatching(/^redis {5}8\.0\.2 +by docker +redis:\/\/127\.0\.0\.1:23456$/)]);
  });

  it('goes on to the next source when a server does not start, and says so', async () => {
    const { run, lines } = await start({ docker: breaks, local: has('local') });
    expect(run).toMatchObject({ endpoints: { redis: { source: 'local' } } });
    expect(lines[0]).toMatch(/by docker: ended while starting; trying the next source/);
  });

  it('does not replace a server that the environment names and that does not answer', async () => {
    const { run, asked } = await start({ environment: breaks, local: has('local') });
    expect(asked).toEqual(['environment']);
    expect(run).toMatchObject({ message: 'ended while starting.' });
  });

  it('asks only the sources it may ask', async () => {
    const { asked } = await start({}, ['local', 'unpacked']);
    expect(asked).toEqual(['local', 'unpacked']);
  });

  it('ends with one sentence that says what to install, and keeps the reasons', async () => {
    const { run } = await start({});
    expect(run).toMatchObject({
      message: 'Redis is missing: install redis-server 7 or newer (or Docker), or set REDIS_URL.',
      reasons: expect.arrayContaining(['docker: not here']) as unknown,
    });
  });

  it('starts no process when every server comes from the environment', async () => {
    const { run } = await start({ environment: has('environment') });
    expect(run).toMatchObject({ directory: undefined });
  });
});
