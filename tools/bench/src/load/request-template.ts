import type { LoadPlan } from './load-plan';

const KEY_DIGITS = 12;

/**
 * The bytes of a purchase, made once per connection; between two requests only digits (and a token) are written in place. The buffer may be
 * changed again when the answer has come: nobody answers a request that has not been sent to its end.
 */
export class RequestTemplate {
  readonly bytes: Buffer;
  private readonly userAt: number;
  private readonly userDigits: number;
  private readonly activityAt: number;
  private readonly keyAt: number;
  private readonly tokenAt: number;
  private activity = 0;

  constructor(
    private readonly plan: LoadPlan,
    private readonly activities: readonly Buffer[],
    private readonly tokens: Buffer | undefined,
  ) {
    const user = String(plan.firstUser);
    this.userDigits = user.length;
    if (String(plan.firstUser + plan.users - 1).length !== user.length) {
      throw new RangeError('users: all must have the same number of digits');
    }
    const activity = plan.activities[0] ?? '';
    if (plan.activities.some(({ length }) => length !== activity.length)) {
      throw new RangeError('activities: all must have the same number of digits');
    }
    const token = '-'.repeat(plan.tokens?.length ?? 0);
    const body = `{"activity_id":"${activity}","user_id":"${user}","quantity":1}`;
    const head =
      `POST /api/v1/seckill/purchase HTTP/1.1\r\nHost: 127.0.0.1:${plan.port}\r\nContent-Type: application/json\r\n` +
      (plan.firstKey !== undefined ? `Idempotency-Key: ${'0'.repeat(KEY_DIGITS)}\r\n` : '') +
      (token === '' ? '' : `Authorization: Bearer ${token}\r\n`) +
      `Content-Length: ${body.length}\r\n\r\n`;
    this.bytes = Buffer.from(head + body, 'latin1');
    this.activityAt = head.length + '{"activity_id":"'.length;
    this.userAt = this.activityAt + activity.length + '","user_id":"'.length;
    this.keyAt = head.indexOf('Idempotency-Key: ') + 'Idempotency-Key: '.length;
    this.tokenAt = head.indexOf('Bearer ') + 'Bearer '.length;
  }

  /** Makes it request `n` of the run. */
  write(n: number): Buffer {
    const { plan } = this;
    const user = n % plan.users;
    writeDigits(this.bytes, this.userAt, this.userDigits, plan.firstUser + user);
    const activity = Math.min(this.activities.length - 1, Math.floor(n / plan.users));
    if (activity !== this.activity) {
      this.activity = activity;
      this.activities[activity]?.copy(this.bytes, this.activityAt);
    }
    if (plan.firstKey !== undefined) writeDigits(this.bytes, this.keyAt, KEY_DIGITS, plan.firstKey + n);
    if (this.tokens !== undefined && plan.tokens !== undefined) {
      const { length } = plan.tokens;
      this.tokens.copy(this.bytes, this.tokenAt, user * length, (user + 1) * length);
    }
    return this.bytes;
  }
}

function writeDigits(bytes: Buffer, at: number, digits: number, value: number): void {
  let rest = value;
  for (let i = at + digits - 1; i >= at; i -= 1) {
    const next = Math.floor(rest / 10);
    bytes[i] = 48 + (rest - next * 10);
    rest = next;
  }
}
