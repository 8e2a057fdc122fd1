import type { ActivityId } from '@coupon/domain';
import { TicketQueue, readRunId } from '@coupon/lua';
import { eventually, useOwnServers } from '@coupon/testing';
import { HandMadeReplica } from '../support/hand-made-replica';
import { useGateway } from './fixture';
import { TicketClient, eventsOf, strandedTicket } from './ticket-client';

const own = useOwnServers(['redis'], { arguments: { redis: ['--repl-diskless-sync-delay', '0'] } });
let replica: HandMadeReplica;
beforeAll(async () => {
  replica = await HandMadeReplica.follow(own.endpoints.redis.url);
});
afterAll(() => replica.leave());
const gateway = useGateway(
  () => ({
    DURABILITY_MODE: 'replicated',
    REPLICA_WAIT_TIMEOUT_MS: '200',
    TICKET_SWEEP_INTERVAL_MS: '60000',
    TICKET_POLL_INTERVAL_MS: '50',
  }),
  {
    get url() {
      return own.endpoints.redis.url;
    },
  },
);
const client = new TicketClient(() => gateway.url);
afterAll(() => client.close());
afterEach(() => {
  replica.acknowledging = true;
});

/** What another gateway does, on its own connection and without a barrier. */
const decideElsewhere = async (id: ActivityId): Promise<void> => {
  await new TicketQueue(gateway.redis).decide(id, await readRunId(gateway.redis), {
    count: 64,
    keepMs: 900_000,
    forgetAtMost: 1,
  });
};
const strand = async (id: ActivityId, user: number): Promise<string> =>
  strandedTicket(gateway.redis, await readRunId(gateway.redis), id, user);

describe('tickets in durability mode replicated', () => {
  test('a ticket is answered when a replica has it, and its key brings it later when none had', async () => {
    const activity_id = await gateway.open({ total: 5 });
    const taken = await client.post({ activity_id, user_id: 1 }, { 'idempotency-key': 'k-1' });
    expect(taken.status).toBe(202);
    expect(await client.end(taken.body.ticket ?? '')).toMatchObject({ status: 'WON' });

    replica.acknowledging = false;
    const key = { 'idempotency-key': 'k-2' };
    const unknown = await client.post({ activity_id, user_id: 2 }, key);
    expect([unknown.status, unknown.body.code]).toEqual([504, 'OUTCOME_UNKNOWN']);
    // Nor for one that somebody has already: this answer writes nothing of its own that a replica could have.
    for (const [user_id, known] of [
      [2, key],
      [1, { 'idempotency-key': 'k-1' }],
    ] as const) {
      expect((await client.post({ activity_id, user_id }, known)).body.code).toBe('OUTCOME_UNKNOWN');
    }
    replica.acknowledging = true;
    const learnt = await eventually(async () => {
      const answer = await client.post({ activity_id, user_id: 2 }, key);
      expect(answer.status).toBe(202);
      return answer;
    });
    expect(await client.end(learnt.body.ticket ?? '')).toMatchObject({ status: 'WON' });
    expect(await gateway.store.snapshot(activity_id)).toMatchObject({ claimed: 2, available: 3 });
  }, 30_000);

  test('a win that another gateway has decided is told when a replica has it, a loss at once', async () => {
    const activity_id = await gateway.open({ total: 1 });
    const [winner, loser] = [await strand(activity_id, 1), await strand(activity_id, 2)];
    expect((await client.read(winner)).body).toMatchObject({ status: 'QUEUED', position: 1 });
    replica.acknowledging = false;
    await decideElsewhere(activity_id);
    for (let i = 0; i < 2; i += 1) {
      const hidden = await client.read(winner);
      expect([hidden.status, hidden.body.code, hidden.headers['retry-after']]).toEqual([503, 'NOT_READY', '1']);
    }
    expect((await client.read(loser)).body).toMatchObject({ status: 'LOST', code: 'SOLD_OUT' });
    replica.acknowledging = true;
    expect(await client.end(winner)).toMatchObject({ status: 'WON' });
  }, 30_000);

  test('streams tell a win when a replica has it', async () => {
    const activity_id = await gateway.open({ total: 1 });
    const [winner, loser] = [await strand(activity_id, 1), await strand(activity_id, 2)];
    const streams = [await client.events(winner), await client.events(loser)] as const;
    await eventually(() => {
      for (const stream of streams) expect(eventsOf(stream)).toHaveLength(1);
    });
    replica.acknowledging = false;
    await decideElsewhere(activity_id);
    // Read after the decision, in the same reading as the win: it is known here, and not told.
    await streams[1].ended;
    expect(eventsOf(streams[1]).at(-1)).toMatchObject({ status: 'LOST' });
    expect(eventsOf(streams[0]).map(({ status }) => status)).toEqual(['QUEUED']);
    expect((await client.events(winner)).status).toBe(503);
    replica.acknowledging = true;
    await streams[0].ended;
    expect(eventsOf(streams[0]).at(-1)).toMatchObject({ status: 'WON' });
  }, 30_000);
});
