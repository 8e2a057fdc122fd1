import fc from 'fast-check';
import type { LoadPlan } from './load-plan';
import { RequestTemplate } from './request-template';

const PLAN: LoadPlan = {
  port: 8083,
  connections: 1,
  arrivals: { kind: 'closed' },
  maxRequests: 1_000_000,
  maxSeconds: 1,
  warmUpSeconds: 0,
  warmUpRequests: 0,
  firstUser: 1_000_000_000,
  users: 1_000_000,
  activities: ['100000001'],
  watchedPids: [],
};

function template(over: Partial<LoadPlan>, tokens?: Buffer): RequestTemplate {
  const plan = { ...PLAN, ...over };
  return new RequestTemplate(
    plan,
    plan.activities.map((id) => Buffer.from(id)),
    tokens,
  );
}

function parse(bytes: Buffer): { headers: Map<string, string>; body: unknown; line: string | undefined } {
  const [head = '', body = ''] = bytes.toString('latin1').split('\r\n\r\n');
  const [line, ...rest] = head.split('\r\n');
  const headers = new Map(
    rest.map((text) => [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(': ') + 2)] as const),
  );
  expect(headers.get('Content-Length')).toBe(String(body.length));
  return { line, headers, body: JSON.parse(body) as unknown };
}

describe('RequestTemplate', () => {
  it('is, in any order, the request of the user, activity, key and token of that number', () => {
    const tokens = Buffer.from(Array.from({ length: 50 }, (_, i) => `token-${String(i).padStart(3, '0')}`).join(''));
    const one = template(
      {
        users: 50,
        activities: ['100000001', '100000002', '100000003'],
        firstKey: 7_000,
        tokens: { file: '', length: 9 },
      },
      tokens,
    );
    fc.assert(
      fc.property(fc.nat({ max: 400 }), (n) => {
        const { line, headers, body } = parse(one.write(n));
        expect(line).toBe('POST /api/v1/seckill/purchase HTTP/1.1');
        const activity = 100_000_001 + Math.min(2, Math.floor(n / 50));
        expect(body).toEqual({ activity_id: String(activity), user_id: String(1_000_000_000 + (n % 50)), quantity: 1 });
        expect(headers.get('Authorization')).toBe(`Bearer token-${String(n % 50).padStart(3, '0')}`);
        expect(Number(headers.get('Idempotency-Key'))).toBe(7_000 + n);
      }),
    );
  });

  it('has neither key nor token when there are none', () => {
    const { headers } = parse(template({}).write(3));
    expect([...headers.keys()]).toEqual(['Host', 'Content-Type', 'Content-Length']);
  });

  it('refuses numbers that would not fit in place', () => {
    expect(() => template({ firstUser: 9_999_999_999, users: 2 })).toThrow('users');
    expect(() => template({ activities: ['1', '10'] })).toThrow('activities');
  });
});
