import type { ActivityId } from '@coupon/domain';
import { TicketQueue, activityKeys, readRunId } from '@coupon/lua';
import { eventually, uniqueActivityId } from '@coupon/testing';
import { useGateway } from './fixture';
import { TicketClient, eventsOf, strandedTicket } from './ticket-client';
import type { EventStream } from './ticket-client';

const gateway = useGateway(() => ({
  TICKET_SWEEP_INTERVAL_MS: '50',
  TICKET_POLL_INTERVAL_MS: '50',
  TICKET_HEARTBEAT_MS: '200',
  TICKET_STREAMS_MAX: '3',
}));
const client = new TicketClient(() => gateway.url);
afterAll(() => client.close());

const HOUR_MS = 3_600_000;
const UNKNOWN = `42-${'0'.repeat(26)}`;

/** A ticket nobody works on until `adopt` puts its queue on the list. */
const stranded = async (id: ActivityId, user: number, maxWaitMs?: number): Promise<string> =>
  strandedTicket(gateway.redis, await readRunId(gateway.redis), id, user, maxWaitMs);
const adopt = (id: ActivityId): Promise<boolean> => new TicketQueue(gateway.redis).register(id, Date.now());

describe('POST /api/v1/seckill/purchase/async', () => {
  test('500 tickets for 100 units: exactly 100 win, 400 are told SOLD_OUT, and every winner has the receipt', async () => {
    const activity_id = await gateway.open({ total: 100 });
    const users = Array.from({ length: 500 }, (_, i) => i + 1);
    const answers = await Promise.all(users.map((user_id) => client.post({ activity_id, user_id })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    const ends = await Promise.all(answers.map(({ body }) => client.end(body.ticket ?? '')));
    expect(ends.filter(({ status, code }) => status === 'LOST' && code === 'SOLD_OUT')).toHaveLength(400);
    const winners = users.filter((_, i) => ends[i]?.status === 'WON');
    expect(winners).toHaveLength(100);
    for (const user of winners) {
      const { body } = await gateway.get(`/api/v1/seckill/purchased/${activity_id}/${user}`);
      const { claim_id, coupon_sns } = ends[user - 1] ?? {};
      expect(body).toEqual({ purchased: true, count: 1, claims: [{ claim_id, coupon_sns, persisted: false }] });
    }
    expect(await gateway.store.snapshot(activity_id)).toMatchObject({ available: 0, claimed: 100, eventSeq: 100 });
    expect(await gateway.redis.xlen(activityKeys(activity_id).outbox)).toBe(100);
  }, 60_000);

  test('answers 202 with a ticket that names its activity, and where to read it', async () => {
    const activity_id = await gateway.open();
    const { status, headers, body } = await client.post({ activity_id, user_id: 7 });
    expect([status, body]).toEqual([202, { success: true, ticket: expect.any(String) as string }]);
    expect(body.ticket).toMatch(new RegExp(`^${activity_id}-[0-9A-HJKMNP-TV-Z]{26}$`));
    expect(headers['location']).toBe(`/api/v1/seckill/tickets/${body.ticket}`);
    const end = await client.end(body.ticket ?? '');
    const sn = `${end.claim_id}001`;
    expect(end).toEqual({
      ticket: body.ticket,
      status: 'WON',
      code: 'OK',
      claim_id: end.claim_id,
      coupon_sn: sn,
      coupon_sns: [sn],
    });
  });

  test('one key, clicked 50 times: one ticket, one unit; the purchase with that key gives the same receipt', async () => {
    const activity_id = await gateway.open({ perUserLimit: 5, total: 50 });
    const key = { 'idempotency-key': 'one' };
    const answers = await Promise.all(Array.from({ length: 50 }, () => client.post({ activity_id, user_id: 7 }, key)));
    const tickets = new Set(answers.map(({ body }) => body.ticket));
    expect(tickets.size).toBe(1);
    const end = await client.end([...tickets][0] ?? '');
    const { body } = await gateway.buy({ activity_id, user_id: 7 }, key);
    expect(body).toMatchObject({ replayed: true, claim_id: end.claim_id });
    expect(await gateway.store.snapshot(activity_id)).toMatchObject({ claimed: 1 });
  });

  test.each<[string, unknown, Record<string, string>]>([
    ['no body', '', {}],
    ['broken JSON', '{', {}],
    ['an array', [], {}],
    ['no activity', { user_id: 1 }, {}],
    ['a user that is no id', { activity_id: 1, user_id: 'x' }, {}],
    ['a quantity of zero', { activity_id: 1, user_id: 1, quantity: 0 }, {}],
    ['a key with a space', { activity_id: 1, user_id: 1 }, { 'idempotency-key': 'a b' }],
    ['a product', { product_id: 1, user_id: 1 }, {}],
    ['another content type', { activity_id: 1, user_id: 1 }, { 'content-type': 'text/plain' }],
    ['an activity nobody knows', { activity_id: uniqueActivityId(), user_id: 1 }, {}],
  ])('is refused as the purchase is: %s', async (_, body, headers) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const direct = await gateway.send(text, headers);
    const queued = await client.post(text, headers);
    expect(direct.status).toBeGreaterThanOrEqual(400);
    expect([queued.status, queued.body.code, queued.body.details?.['field']]).toEqual([
      direct.status,
      direct.body.code,
      direct.body.details?.['field'],
    ]);
  });

  test('is refused as the purchase is when the activity takes nobody', async () => {
    const states = {
      paused: await gateway.open(),
      ended: await gateway.open(),
      closed: await gateway.open(),
      early: await gateway.open({ startMs: Date.now() + HOUR_MS, endMs: Date.now() + 2 * HOUR_MS }),
    };
    for (const to of ['paused', 'ended', 'closed'] as const) await gateway.store.setState(states[to], { to, epoch: 1 });
    const codes: (string | undefined)[] = [];
    for (const activity_id of Object.values(states)) {
      const direct = await gateway.buy({ activity_id, user_id: 1 });
      const queued = await client.post({ activity_id, user_id: 1 });
      expect([queued.status, queued.body]).toEqual([direct.status, direct.body]);
      expect(queued.headers['retry-after']).toBe(direct.headers['retry-after']);
      codes.push(queued.body.code);
    }
    expect(codes).toEqual(['PAUSED', 'ENDED', 'NOT_READY', 'NOT_STARTED']);
  });
});

describe('GET /api/v1/seckill/tickets/{ticket}', () => {
  test.each([UNKNOWN, '42', '42-', 'x', `x-${'0'.repeat(26)}`, `42-${'u'.repeat(26)}`, `0-${'0'.repeat(26)}`])(
    '404 for %s, also as events',
    async (ticket) => {
      expect(await client.read(ticket)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
      expect((await client.events(ticket)).status).toBe(404);
    },
  );

  test('tells the position while it waits; an overdue ticket of a gateway that died is EXPIRED, the others are decided', async () => {
    const activity_id = await gateway.open({ total: 1 });
    const first = await stranded(activity_id, 1, 0);
    const second = await stranded(activity_id, 2);
    const third = await stranded(activity_id, 3);
    const { status, headers, body } = await client.read(third);
    expect([status, body]).toEqual([200, { ticket: third, status: 'QUEUED', position: 3 }]);
    expect(headers['cache-control']).toBe('no-store');
    await adopt(activity_id);
    expect(await client.end(first)).toEqual({ ticket: first, status: 'EXPIRED' });
    expect(await client.end(second)).toMatchObject({ status: 'WON' });
    expect(await client.end(third)).toEqual({ ticket: third, status: 'LOST', code: 'SOLD_OUT' });
    const { body: nothing } = await gateway.get(`/api/v1/seckill/purchased/${activity_id}/1`);
    expect(nothing['count']).toBe(0);
  });
});

describe('GET /api/v1/seckill/tickets/{ticket}/events', () => {
  const streams: EventStream[] = [];
  const follow = async (ticket: string, headers?: Record<string, string>): Promise<EventStream> => {
    const stream = await client.events(ticket, headers);
    streams.push(stream);
    return stream;
  };
  afterEach(async () => {
    for (const stream of streams.splice(0)) stream.abort.abort();
    await eventually(async () => {
      expect((await client.raw('/metrics')).text).toMatch(/^ticket_streams\{.*\} 0$/m);
    });
  });

  test('tells positions that only get better, heartbeats, and ends with the terminal state', async () => {
    const activity_id = await gateway.open({ total: 2 });
    const tickets: string[] = [];
    for (let user = 1; user <= 6; user += 1) tickets.push(await stranded(activity_id, user));
    const last = tickets[5] ?? '';
    const stream = await follow(last);
    expect([stream.status, stream.headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8']);
    const decide = async (count: number): Promise<void> => {
      const runId = await readRunId(gateway.redis);
      await new TicketQueue(gateway.redis).decide(activity_id, runId, { count, keepMs: HOUR_MS, forgetAtMost: 1 });
    };
    for (const [count, position] of [
      [0, 6],
      [3, 3],
      [1, 2],
    ] as const) {
      if (count > 0) await decide(count);
      await eventually(() => {
        expect(eventsOf(stream).at(-1)).toEqual({ ticket: last, status: 'QUEUED', position });
      });
    }
    await eventually(() => {
      expect(stream.text).toContain('\n:\n\n');
    });
    await decide(5);
    await stream.ended;
    expect(eventsOf(stream).at(-1)).toEqual({ ticket: last, status: 'LOST', code: 'SOLD_OUT' });
    expect(stream.text).toMatch(/^retry: 1\d{3}\n\n/);
    expect(await client.read(last)).toMatchObject({ body: eventsOf(stream).at(-1) });
  });

  test('a ticket that has ended is one event; who has seen the end is sent away for good', async () => {
    const activity_id = await gateway.open();
    const { body } = await client.post({ activity_id, user_id: 7 });
    const end = await client.end(body.ticket ?? '');
    const stream = await follow(body.ticket ?? '');
    await stream.ended;
    expect(eventsOf(stream)).toEqual([end]);
    expect((await follow(body.ticket ?? '', { 'last-event-id': 'WON' })).status).toBe(204);
    const head = await client.raw(`/api/v1/seckill/tickets/${body.ticket}/events`, 'HEAD');
    expect([head.status, head.headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8']);
  });

  test('no more streams than configured; polling goes on, and a stream that is left makes room', async () => {
    const activity_id = await gateway.open();
    const ticket = await stranded(activity_id, 1);
    for (let i = 0; i < 3; i += 1) expect((await follow(ticket)).status).toBe(200);
    const refused = await follow(ticket);
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1']);
    expect((await client.read(ticket)).status).toBe(200);
    streams[0]?.abort.abort();
    await eventually(async () => {
      expect((await follow(ticket)).status).toBe(200);
    });
  });
});
