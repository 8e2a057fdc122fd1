import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ActivityId } from '@coupon/domain';
import { TicketQueue, activityKeys, createClaimRedis, readRunId } from '@coupon/lua';
import { TcpProxy, eventually, useOwnServers, useRedisDatabase } from '@coupon/testing';
import { useGateway } from './fixture';
import { TicketClient, eventsOf, strandedTicket } from './ticket-client';

const REPOSITORY = join(__dirname, '..', '..', '..', '..');
const FAST = { TICKET_SWEEP_INTERVAL_MS: '100', TICKET_POLL_INTERVAL_MS: '50' };

/** A gateway in a process of its own; resolves with its URL when it listens. */
async function startProcess(redisUrl: string): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(__dirname, 'fixtures', 'gateway-process.ts')], {
    cwd: REPOSITORY,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      ...FAST,
      NODE_ENV: 'test',
      TSX_TSCONFIG_PATH: join(REPOSITORY, 'tsconfig.base.json'),
      AUTH_MODE: 'none',
      HTTP_HOST: '127.0.0.1',
      HTTP_PORT: '0',
      GRPC_PORT: '0',
      ADMIN_GRPC_ADDRESS: '127.0.0.1:1',
      CLAIM_REDIS_URL: redisUrl,
      // One by one: the queue grows while it is worked on.
      TICKET_BATCH_SIZE: '1',
    },
  });
  const [port] = await Promise.race([
    new Promise<string[]>((resolve) =>
      createInterface({ input: child.stdout }).once('line', (line) => resolve([line])),
    ),
    new Promise<string[]>((_, reject) => child.once('exit', () => reject(new Error('the gateway ended early')))),
  ]);
  return { child, url: `http://127.0.0.1:${port ?? ''}` };
}

const exitOf = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) =>
    (child.exitCode ?? child.signalCode) === null ? child.once('exit', () => resolve()) : resolve(),
  );

describe('a gateway that is killed', () => {
  const database = useRedisDatabase();
  const heir = useGateway(() => ({ ...FAST, TICKET_SWEEP_INTERVAL_MS: '60000' }), database);
  const client = new TicketClient(() => heir.url);
  const children: ChildProcess[] = [];
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map(exitOf));
    await client.close();
  });

  test('with tickets it has answered and not decided: every one of them ends, as the receipts say', async () => {
    const { child, url } = await startProcess(database.url);
    children.push(child);
    const first = new TicketClient(() => url);
    await eventually(
      async () => {
        expect((await first.raw('/health/ready')).status).toBe(200);
      },
      { timeoutMs: 20_000 },
    );
    const activity_id = await heir.open({ total: 200 });
    const users = Array.from({ length: 600 }, (_, i) => i + 1);
    const taken = new Map<number, string>();
    let killed = false;
    const clicks = Promise.all(
      users.map(async (user_id) => {
        const answer = await first
          .post({ activity_id, user_id }, { 'idempotency-key': `key-${user_id}` })
          .catch(() => null);
        if (answer?.status === 202) taken.set(user_id, answer.body.ticket ?? '');
      }),
    );
    // It has answered, it works on the queue, and it is behind.
    const waiting = (): Promise<number> => heir.redis.xlen(activityKeys(activity_id).queue);
    await eventually(
      async () => {
        if (taken.size > 50 && (await waiting()) > 20) killed = child.kill('SIGKILL');
        expect(killed).toBe(true);
      },
      { timeoutMs: 20_000, intervalMs: 1 },
    );
    await Promise.all([clicks, exitOf(child)]);
    await first.close();
    expect(await waiting()).toBeGreaterThan(0);

    // The heir's own sweep is a minute away: it is the next process that finds the tickets on the list.
    const next = await startProcess(database.url);
    children.push(next.child);
    const ends = new Map<number, string | undefined>();
    for (const [user, ticket] of taken) ends.set(user, (await client.end(ticket, 30_000)).claim_id);
    // Whoever has heard nothing asks again, of another instance, with the key.
    for (const user_id of users.filter((user) => !taken.has(user))) {
      const { status, body } = await client.post({ activity_id, user_id }, { 'idempotency-key': `key-${user_id}` });
      expect(status).toBe(202);
      ends.set(user_id, (await client.end(body.ticket ?? '')).claim_id);
    }
    for (const user of users) {
      const { body } = await heir.get(`/api/v1/seckill/purchased/${activity_id}/${user}`);
      const claims = (body['claims'] as { claim_id: string }[]).map(({ claim_id }) => claim_id);
      expect([user, claims]).toEqual([user, ends.get(user) === undefined ? [] : [ends.get(user)]]);
    }
    expect([...ends.values()].filter((claimId) => claimId !== undefined)).toHaveLength(200);
    expect(await heir.store.snapshot(activity_id)).toMatchObject({ available: 0, claimed: 200, eventSeq: 200 });
  }, 90_000);
});

describe('a reply that never arrives', () => {
  const database = useRedisDatabase();
  let proxy: TcpProxy & { readonly url: string };
  beforeAll(async () => {
    proxy = await TcpProxy.inFrontOf(database.url);
  });
  afterAll(() => proxy.stop());
  const gateway = useGateway(
    () => ({ ...FAST, CLAIM_REDIS_URL: proxy.url, REDIS_COMMAND_TIMEOUT_MS: '300' }),
    database,
  );
  const client = new TicketClient(() => gateway.url);
  afterAll(() => client.close());
  const heal = (): void => {
    proxy.setMode('pass');
    proxy.cut();
  };
  afterEach(heal);
  const strand = async (id: ActivityId, user: number): Promise<string> =>
    strandedTicket(gateway.redis, await readRunId(gateway.redis), id, user);

  test('invariant 4: a ticket that may have been queued is OUTCOME_UNKNOWN; the same key brings it, and it ends once', async () => {
    const activity_id = await gateway.open({ perUserLimit: 3 });
    // The list of queues is written before: what gets lost is the reply to the ticket.
    await client.post({ activity_id, user_id: 1 });
    proxy.setMode('drop-replies');
    const key = { 'idempotency-key': 'lost' };
    const lost = await client.post({ activity_id, user_id: 2 }, key);
    expect([lost.status, lost.body.code]).toEqual([504, 'OUTCOME_UNKNOWN']);
    heal();
    const ticket = await eventually(async () => {
      const { status, body } = await client.post({ activity_id, user_id: 2 }, key);
      expect(status).toBe(202);
      return body.ticket ?? '';
    });
    expect(await client.end(ticket)).toMatchObject({ status: 'WON' });
    const { body } = await gateway.get(`/api/v1/seckill/purchased/${activity_id}/2`);
    expect(body['count']).toBe(1);
  });

  test('decisions nobody has heard of are not made again', async () => {
    const activity_id = await gateway.open({ total: 4, perUserLimit: 3 });
    const tickets: string[] = [];
    for (let user = 1; user <= 8; user += 1) tickets.push(await strand(activity_id, user));
    const another = createClaimRedis(proxy.url, { commandTimeoutMs: 200 });
    await another.connect();
    proxy.setMode('drop-replies');
    const runId = await readRunId(gateway.redis);
    const decision = new TicketQueue(another).decide(activity_id, runId, { count: 3, keepMs: 60_000, forgetAtMost: 1 });
    await expect(decision).rejects.toThrow('timed out');
    another.disconnect();
    expect(await gateway.redis.xlen(activityKeys(activity_id).queue)).toBe(5);
    await new TicketQueue(gateway.redis).register(activity_id, Date.now());
    heal();
    const ends: string[] = [];
    for (const ticket of tickets) ends.push((await client.end(ticket)).status ?? '');
    expect(ends).toEqual([...Array<string>(4).fill('WON'), ...Array<string>(4).fill('LOST')]);
    expect(await gateway.store.snapshot(activity_id)).toMatchObject({ claimed: 4, eventSeq: 4 });
  });

  test('an event stream outlives a Redis that is away', async () => {
    const activity_id = await gateway.open();
    const ticket = await strand(activity_id, 1);
    const stream = await eventually(async () => {
      const open = await client.events(ticket);
      expect(open.status).toBe(200);
      return open;
    });
    proxy.setMode('refuse');
    proxy.cut();
    await eventually(async () => {
      expect((await client.read(ticket)).status).toBe(503);
    });
    await new TicketQueue(gateway.redis).register(activity_id, Date.now());
    heal();
    await stream.ended;
    expect(eventsOf(stream).map(({ status }) => status)).toEqual(['QUEUED', 'WON']);
  });

  test('the end of the process closes event streams with the time to come back', async () => {
    const activity_id = await gateway.open();
    const ticket = await eventually(() => strand(activity_id, 1));
    const stream = await eventually(async () => {
      const open = await client.events(ticket);
      expect(open.status).toBe(200);
      return open;
    });
    expect(await gateway.gateway.lifecycle.stop('spec')).toBe('STOPPED');
    await stream.ended;
    expect(stream.text).toMatch(/: shutdown\nretry: 1\d{3}\n\n$/);
  });
});

describe('a Redis that is killed and started again on its append-only file', () => {
  const own = useOwnServers(['redis']);
  const gateway = useGateway(() => FAST, {
    get url() {
      return own.endpoints.redis.url;
    },
  });
  const client = new TicketClient(() => gateway.url);
  afterAll(() => client.close());

  test('every ticket is still there; waiting ones wait for the verification and are then decided, ended ones stay as they were', async () => {
    const activity_id = await gateway.open({ total: 3 });
    const runId = await readRunId(gateway.redis);
    const queue = new TicketQueue(gateway.redis);
    const ended = await strandedTicket(gateway.redis, runId, activity_id, 1);
    await queue.decide(activity_id, runId, { count: 1, keepMs: 60_000, forgetAtMost: 1 });
    const before = await client.end(ended);
    const waiting: string[] = [];
    for (let user = 2; user <= 6; user += 1)
      waiting.push(await strandedTicket(gateway.redis, runId, activity_id, user));
    await gateway.store.setState(activity_id, { to: 'paused', epoch: 1 });
    await queue.register(activity_id, Date.now());
    await own.servers.redis.restart();
    await eventually(
      async () => {
        expect(await client.read(ended)).toMatchObject({ status: 200, body: before });
        for (const ticket of waiting) expect((await client.read(ticket)).body.status).toBe('QUEUED');
      },
      { timeoutMs: 15_000 },
    );
    await eventually(async () => {
      expect(await gateway.store.adoptRun(activity_id, { epoch: 1, verifiedRunId: runId })).toEqual({
        kind: 'adopted',
      });
    });
    await gateway.store.setState(activity_id, { to: 'open', epoch: 1 });
    const ends: (string | undefined)[] = [];
    for (const ticket of waiting) ends.push((await client.end(ticket)).status);
    expect(ends).toEqual(['WON', 'WON', 'LOST', 'LOST', 'LOST']);
    expect(await gateway.store.snapshot(activity_id)).toMatchObject({ claimed: 3, available: 0, eventSeq: 3 });
  }, 60_000);
});
