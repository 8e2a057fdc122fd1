import fc from 'fast-check';
import { AnswerClasses } from './answer-classes';
import { ResponseScanner } from './response-scanner';

interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
  readonly name: string;
  readonly claimId?: string;
}

const CLAIM = '01K0ABCDEFGHJKMNPQRSTVWXYZ';
const won = (replayed: boolean): Answer => ({
  status: 200,
  head: 'Content-Type: application/json; charset=utf-8\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nConnection: keep-alive\r\n',
  body: `{"success":true,"code":"OK","message":"the coupon is yours","claim_id":"${CLAIM}","coupon_sn":"${CLAIM}001","coupon_sns":["${CLAIM}001"],"remaining_count":41,"replayed":${replayed}}`,
  name: replayed ? 'REPLAYED' : 'OK',
  claimId: CLAIM,
});
const refused = (status: number, code: string, message: string): Answer => ({
  status,
  head: 'Retry-After: 1\r\n',
  body: JSON.stringify({ success: false, code, message, details: { available: 0 } }),
  name: `${status} ${code}`,
});

const answer = fc.oneof(
  fc.constantFrom(won(false), won(true)),
  fc
    .tuple(fc.constantFrom(409, 429, 503), fc.constantFrom('SOLD_OUT', 'SOLD', 'RATE_LIMITED'), fc.string())
    .map(([status, code, message]) => refused(status, code, message)),
  fc.constantFrom<Answer>(
    { status: 200, head: '', body: '', name: '200' },
    { status: 502, head: 'Server: x\r\n', body: '<html>"code"</html>', name: '502' },
  ),
);

function toBytes({ status, head, body }: Answer, lengthName = 'Content-Length'): Buffer {
  const length = Buffer.byteLength(body);
  return Buffer.from(`HTTP/1.1 ${status} Some Reason\r\n${head}${lengthName}: ${length}\r\n\r\n${body}`, 'utf8');
}

/** Feeds `bytes` in pieces that end at `cuts`; every piece arrives in the same reused buffer, as from a socket. */
function feed(scanner: ResponseScanner, bytes: Buffer, cuts: readonly number[]): boolean[] {
  const shared = Buffer.alloc(bytes.length);
  const ends = [...new Set(cuts.map((cut) => cut % bytes.length).filter((cut) => cut > 0)), bytes.length].sort(
    (a, b) => a - b,
  );
  let from = 0;
  return ends.map((end) => {
    shared.fill(0);
    bytes.copy(shared, 0, from, end);
    const complete = scanner.push(shared, end - from);
    from = end;
    return complete;
  });
}

function read(
  scanner: ResponseScanner,
  classes: AnswerClasses,
): { name: string | undefined; claimId: string | undefined; body: string } {
  const { bytes, claimIdAt, bodyFrom, bodyTo } = scanner;
  const text = (from: number, to: number): string => Buffer.from(bytes.slice(from, to)).toString('utf8');
  return {
    name: classes.names()[scanner.answerClass],
    claimId: claimIdAt === -1 ? undefined : text(claimIdAt, claimIdAt + 26),
    body: text(bodyFrom, bodyTo),
  };
}

describe('ResponseScanner', () => {
  it('reads the same answers however their bytes are split', () => {
    const split = fc.tuple(
      answer,
      fc.array(fc.nat({ max: 1_000 }), { maxLength: 12 }),
      fc.constantFrom('Content-Length', 'content-length'),
    );
    fc.assert(
      fc.property(fc.array(split, { minLength: 1, maxLength: 6 }), (answers) => {
        const classes = new AnswerClasses();
        const scanner = new ResponseScanner(classes);
        for (const [one, cuts, lengthName] of answers) {
          const completed = feed(scanner, toBytes(one, lengthName), cuts);
          // Complete with the last piece, and not before.
          expect(completed.map((complete, i) => complete === (i === completed.length - 1))).not.toContain(false);
          expect(read(scanner, classes)).toEqual({ name: one.name, claimId: one.claimId, body: one.body });
          expect(scanner.isInsideAnswer).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('reads an answer byte by byte', () => {
    const classes = new AnswerClasses();
    const scanner = new ResponseScanner(classes);
    const bytes = toBytes(won(false));
    feed(
      scanner,
      bytes,
      Array.from({ length: bytes.length }, (_, i) => i),
    );
    expect(read(scanner, classes)).toMatchObject({ name: 'OK', claimId: CLAIM });
  });

  it('never gives two codes one class, nor one code two', () => {
    const classes = new AnswerClasses();
    const scanner = new ResponseScanner(classes);
    const classOf = (one: Answer): number => {
      feed(scanner, toBytes(one), []);
      return scanner.answerClass;
    };
    const kinds = [
      won(false),
      won(true),
      refused(409, 'SOLD_OUT', ''),
      refused(409, 'SOLD_OU', ''),
      refused(503, 'SOLD_OUT', ''),
    ];
    const seen = kinds.map(classOf);
    expect(new Set(seen).size).toBe(kinds.length);
    expect(kinds.map(classOf)).toEqual(seen);
  });

  it.each([
    ['bytes after the answer', Buffer.concat([toBytes(won(false)), Buffer.from('H')])],
    ['two answers at once', Buffer.concat([toBytes(won(false)), toBytes(won(false))])],
    ['chunked encoding', Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')],
    ['no length', Buffer.from('HTTP/1.1 200 OK\r\nDate: now\r\n\r\n{}')],
    ['a length that is no number', Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n{')],
    ['an endless answer', Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n')],
    ['another protocol', Buffer.from('HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n')],
    ['a status that is none', Buffer.from('HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n')],
    ['a bare carriage return', Buffer.from('HTTP/1.1 200 OK\rX\r\nContent-Length: 0\r\n\r\n')],
  ])('refuses %s', (_, bytes) => {
    expect(() => new ResponseScanner(new AnswerClasses()).push(bytes, bytes.length)).toThrow();
  });
});
