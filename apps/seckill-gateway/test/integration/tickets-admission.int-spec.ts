import { SignJWT } from 'jose';
import { readRunId } from '@coupon/lua';
import { useGateway } from './fixture';
import { TicketClient, strandedTicket } from './ticket-client';

const SECRET = 'a secret of at least thirty-two bytes';
const gateway = useGateway(() => ({
  AUTH_MODE: 'jwt',
  AUTH_HS256_SECRET: SECRET,
  TICKET_QUEUE_SIZE: '5',
  TICKET_SWEEP_INTERVAL_MS: '60000',
}));
const client = new TicketClient(() => gateway.url);
afterAll(() => client.close());

async function token(sub: string, role?: string): Promise<Record<string, string>> {
  const jwt = await new SignJWT(role === undefined ? {} : { role })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(sub)
    .setExpirationTime('5m')
    .sign(new TextEncoder().encode(SECRET));
  return { authorization: `Bearer ${jwt}` };
}

test('a ticket is taken by its buyer only, and read by its buyer and by operators only', async () => {
  const activity_id = await gateway.open();
  const [owner, other, operator] = [await token('7'), await token('8'), await token('staff', 'operator')];
  const buy = { activity_id, user_id: 7 };
  expect(await client.post(buy)).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
  expect(await client.post(buy, other)).toMatchObject({ status: 403, body: { code: 'PERMISSION_DENIED' } });
  expect(await client.post(buy, operator)).toMatchObject({ status: 403 });
  const taken = await client.post(buy, owner);
  expect(taken.status).toBe(202);
  const ticket = taken.body.ticket ?? '';
  const statuses = async (headers?: Record<string, string>): Promise<number[]> => {
    const stream = await client.events(ticket, headers);
    stream.abort.abort();
    return [(await client.read(ticket, headers)).status, stream.status];
  };
  expect(await statuses()).toEqual([401, 401]);
  expect(await statuses(other)).toEqual([403, 403]);
  expect(await statuses(owner)).toEqual([200, 200]);
  expect(await statuses(operator)).toEqual([200, 200]);
});

test('a full queue is refused with Retry-After', async () => {
  const activity_id = await gateway.open();
  const runId = await readRunId(gateway.redis);
  for (let user = 1; user <= 5; user += 1) await strandedTicket(gateway.redis, runId, activity_id, user);
  const refused = await client.post({ activity_id, user_id: 7 }, await token('7'));
  expect([refused.status, refused.body.code, refused.headers['retry-after']]).toEqual([503, 'OVERLOADED', '1']);
});
