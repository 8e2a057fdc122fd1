import { connect } from 'node:net';
import { activityKeys } from '@coupon/lua';
import { useGateway } from './fixture';

const gateway = useGateway();

describe('POST /api/v1/seckill/purchase', () => {
  test('a win carries the claim, its coupons and what is left', async () => {
    const activity_id = await gateway.open({ perUserLimit: 2, total: 5 });
    const { status, body } = await gateway.buy({ activity_id, user_id: '42', quantity: 2, unknown: 'ignored' });
    expect(status).toBe(200);
    expect(body).toEqual({
      success: true,
      code: 'OK',
      message: 'the coupon is yours',
      claim_id: expect.stringMatching(/^[0-9A-Z]{26}$/) as string,
      coupon_sn: `${body.claim_id}001`,
      coupon_sns: [`${body.claim_id}001`, `${body.claim_id}002`],
      remaining_count: 3,
      replayed: false,
    });
  });

  test('refusals carry code and status as the contract says', async () => {
    const now = Date.now();
    const soldOut = await gateway.open({ total: 1, perUserLimit: 2 });
    await gateway.buy({ activity_id: soldOut, user_id: 1 });
    const future = await gateway.open({ startMs: now + 60_000, endMs: now + 120_000 });
    const past = await gateway.open({ startMs: now - 120_000, endMs: now - 60_000 });
    const paused = await gateway.open();
    await gateway.store.setState(paused, { to: 'paused', epoch: 1 });
    const limited = await gateway.open({ userRatePerSecond: 1, perUserLimit: 2 });
    await gateway.buy({ activity_id: limited, user_id: 1, quantity: 2 });
    const answers = await Promise.all([
      gateway.buy({ activity_id: soldOut, user_id: 2 }),
      gateway.buy({ activity_id: soldOut, user_id: 2, quantity: 3 }),
      gateway.buy({ activity_id: future, user_id: 1 }),
      gateway.buy({ activity_id: past, user_id: 1 }),
      gateway.buy({ activity_id: paused, user_id: 1 }),
      gateway.buy({ activity_id: limited, user_id: 1 }),
    ]);
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
      [409, 'SOLD_OUT'],
      [409, 'LIMIT_REACHED'],
      [409, 'NOT_STARTED'],
      [409, 'ENDED'],
      [409, 'PAUSED'],
      [429, 'RATE_LIMITED'],
    ]);
    expect(answers[0]?.body.details).toEqual({ available: 0 });
    expect(answers[5]?.body.details).toMatchObject({ limit: 'user' });
    expect(answers[5]?.headers['retry-after']).toBe('1');
  });

  test('invariant 10: a gateway whose clock is hours off sells what Redis sells, and refuses what Redis refuses', async () => {
    const now = Date.now();
    const open = await gateway.open({ startMs: now - 60_000, endMs: now + 60_000 });
    const over = await gateway.open({ startMs: now - 120_000, endMs: now - 60_000 });
    const offsets = [-7_200_000, -90_000, 7_200_000];
    for (const [user, offsetMs] of offsets.entries()) {
      const wrongClock = jest.spyOn(Date, 'now').mockImplementation(() => now + offsetMs);
      const sold = await gateway.buy({ activity_id: open, user_id: user + 1 });
      const refused = await gateway.buy({ activity_id: over, user_id: user + 1 });
      wrongClock.mockRestore();
      expect([sold.body.code, refused.body.code]).toEqual(['OK', 'ENDED']);
    }
  });

  test('the same Idempotency-Key gets the same receipt; with another quantity it is a conflict', async () => {
    const activity_id = await gateway.open({ perUserLimit: 3 });
    const key = { 'idempotency-key': 'abc-1' };
    const first = await gateway.buy({ activity_id, user_id: 1 }, key);
    const again = await gateway.buy({ activity_id, user_id: 1 }, key);
    expect(again.body).toMatchObject({ claim_id: first.body.claim_id, replayed: true });
    const other = await gateway.buy({ activity_id, user_id: 1, quantity: 2 }, key);
    expect([other.status, other.body.code]).toEqual([409, 'CONFLICT']);
  });

  test.each<[string, string, string]>([
    ['malformed JSON', '{"activity_id":1,', 'body'],
    ['no body', '', 'body'],
    ['a JSON list', '[]', 'body'],
    ['null', 'null', 'body'],
    ['no activity', '{"user_id":1}', 'activity_id'],
    ['no user', '{"activity_id":1}', 'user_id'],
    ['a boolean id', '{"activity_id":true,"user_id":1}', 'activity_id'],
    ['a negative id', '{"activity_id":-1,"user_id":1}', 'activity_id'],
    ['a fractional id', '{"activity_id":1.5,"user_id":1}', 'activity_id'],
    ['an id beyond 2^53 as a number', '{"activity_id":9007199254740993,"user_id":1}', 'activity_id'],
    ['an id beyond 2^63', '{"activity_id":1,"user_id":"9223372036854775808"}', 'user_id'],
    ['an id with a leading zero', '{"activity_id":1,"user_id":"007"}', 'user_id'],
    ['SQL in an id', `{"activity_id":"1; DROP TABLE user_coupons","user_id":1}`, 'activity_id'],
    ['Lua in an id', `{"activity_id":1,"user_id":"1') redis.call('FLUSHALL') --"}`, 'user_id'],
    ['a hash tag in an id', '{"activity_id":"1}{2","user_id":1}', 'activity_id'],
    ['a quantity of zero', '{"activity_id":1,"user_id":1,"quantity":0}', 'quantity'],
    ['a negative quantity', '{"activity_id":1,"user_id":1,"quantity":-2}', 'quantity'],
    ['a fractional quantity', '{"activity_id":1,"user_id":1,"quantity":1.5}', 'quantity'],
    ['a quantity as text', '{"activity_id":1,"user_id":1,"quantity":"1"}', 'quantity'],
    ['a quantity of null', '{"activity_id":1,"user_id":1,"quantity":null}', 'quantity'],
    ['an immense quantity', '{"activity_id":1,"user_id":1,"quantity":1e300}', 'quantity'],
  ])('%s is a 400 that names the field', async (_, body, field) => {
    const answer = await gateway.send(body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ success: false, code: 'INVALID_ARGUMENT', details: { field } });
    expect(answer.body.message).not.toMatch(/\n| at /);
  });

  test('bad input changes nothing', async () => {
    const activity_id = await gateway.open();
    const before = await gateway.redis.dump(activityKeys(activity_id).activity);
    await gateway.send(`{"activity_id":"${activity_id}","user_id":1,"quantity":-1}`);
    await gateway.send(`{"activity_id":"${activity_id}","user_id":"1' OR 1=1"}`);
    await gateway.buy({ activity_id, user_id: 1 }, { 'idempotency-key': 'k'.repeat(65) });
    expect(await gateway.redis.dump(activityKeys(activity_id).activity)).toEqual(before);
    expect(await gateway.redis.keys(`coupon:user:{${activity_id}}*`)).toEqual([]);
  });

  test.each([['k'.repeat(65)], ['with space'], ['']])('the Idempotency-Key "%s" is refused by name', async (key) => {
    const answer = await gateway.buy({ activity_id: 1, user_id: 1 }, { 'idempotency-key': key });
    expect([answer.status, answer.body.details?.['field']]).toEqual([400, 'Idempotency-Key']);
  });

  test('a body over 16 KiB is refused with 413, declared or not', async () => {
    const big = JSON.stringify({ activity_id: 1, user_id: 1, x: 'y'.repeat(17_000) });
    const declared = await gateway.send(big);
    expect([declared.status, declared.body.code]).toEqual([413, 'PAYLOAD_TOO_LARGE']);
    const chunked = await rawRequest(
      gateway.gateway.http.port,
      `POST /api/v1/seckill/purchase HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n` +
        `${big.length.toString(16)}\r\n${big}\r\n0\r\n\r\n`,
    );
    expect(chunked).toMatch(/^HTTP\/1\.1 413 /);
  });

  test('another content type, another method and another path are told so', async () => {
    const wrongType = await gateway.send('activity_id=1', { 'content-type': 'application/x-www-form-urlencoded' });
    expect([wrongType.status, wrongType.body.details?.['field']]).toEqual([400, 'Content-Type']);
    expect((await gateway.get('/api/v1/seckill/purchase')).status).toBe(405);
    expect((await gateway.get('/api/v1/seckill/nothing')).status).toBe(404);
  });

  test('another spelling of the path is served by the same core', async () => {
    const activity_id = await gateway.open();
    const first = await gateway.buy({ activity_id, user_id: 1 });
    const response = await fetch(`${gateway.url}/API/v1/seckill/purchase/?from=app`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ activity_id, user_id: 1 }),
    });
    expect(await response.json()).toMatchObject({ claim_id: first.body.claim_id, replayed: true });
  });

  test('a product sale does not exist yet: 404, not an activity of that number', async () => {
    const answer = await gateway.buy({ product_id: 1, user_id: 1 });
    expect([answer.status, answer.body.code]).toEqual([404, 'NOT_FOUND']);
  });

  test('an activity that is not loaded while coupon-admin cannot be asked is NOT_READY, never a false 404', async () => {
    const answer = await gateway.buy({ activity_id: '987654321987', user_id: 1 });
    expect([answer.status, answer.body.code]).toEqual([503, 'NOT_READY']);
    expect(answer.headers['retry-after']).toBe('1');
  });
});

describe('GET stats and purchased', () => {
  test('stats count units, refusals count claims', async () => {
    const activity_id = await gateway.open({ total: 3, perUserLimit: 2 });
    await gateway.buy({ activity_id, user_id: 1, quantity: 2 });
    await gateway.buy({ activity_id, user_id: 2, quantity: 2 });
    await gateway.buy({ activity_id, user_id: 1 });
    expect((await gateway.get(`/api/v1/seckill/stats/${activity_id}`)).body).toEqual({
      activity_id,
      status: 'running',
      total: 3,
      available: 1,
      claimed: 2,
      persisted: 0,
      in_flight: 2,
      claims_accepted: 1,
      claims_replayed: 0,
      refused: { SOLD_OUT: 1, LIMIT_REACHED: 1 },
      epoch: 1,
    });
  });

  test('purchased lists what a user holds', async () => {
    const activity_id = await gateway.open();
    const { body } = await gateway.buy({ activity_id, user_id: 5 });
    expect((await gateway.get(`/api/v1/seckill/purchased/${activity_id}/5`)).body).toEqual({
      purchased: true,
      count: 1,
      claims: [{ claim_id: body.claim_id, coupon_sns: body.coupon_sns, persisted: false }],
    });
    expect((await gateway.get(`/api/v1/seckill/purchased/${activity_id}/6`)).body).toEqual({
      purchased: false,
      count: 0,
      claims: [],
    });
    expect((await gateway.get(`/api/v1/seckill/purchased/${activity_id}/x`)).status).toBe(400);
  });
});

/** Writes bytes and reads until the server closes the connection. */
function rawRequest(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let answer = '';
    socket.setTimeout(5_000, () => socket.destroy(new Error('no answer')));
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}
