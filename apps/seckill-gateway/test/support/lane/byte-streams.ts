import type { SeededRandom } from '@coupon/testing';
import { MUTATIONS } from './mutations';

/** A request as the parts that mutations change; everything is Latin-1 text, a character per byte. */
export interface Message {
  before: string;
  method: string;
  target: string;
  version: string;
  /** Header lines with their line ends. */
  headers: string[];
  headEnd: string;
  body: string;
}

/** What a client sends on one connection. */
export interface ByteStream {
  readonly bytes: Buffer;
  /** Leading requests in the form that the lane is for. */
  readonly plainLead: number;
  /** What was done to make it, for the report of a difference. */
  readonly made: readonly string[];
}

const PATH = '/api/v1/seckill/purchase';

const UPGRADES = [
  'Connection: Upgrade\r\nUpgrade: websocket\r\n',
  'Upgrade: h2c\r\n',
  'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n',
];

/** Whole messages that are no purchase. */
const OTHER_MESSAGES: readonly (readonly [string, string])[] = [
  ['health', 'GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['stats', 'GET /api/v1/seckill/stats/5 HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['unknown route', 'GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['head', 'HEAD /health/live HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['health, then close', 'GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
  ['HTTP/1.0', 'GET /health/live HTTP/1.0\r\n\r\n'],
  ['HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['TLS', '\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03'],
  ['nonsense', 'nonsense\r\n\r\n'],
];

function plainMessage(random: SeededRandom): Message {
  const user = random.int(1, 1_000_000);
  const fields = [`"activity_id":"${random.int(1, 9)}"`, `"user_id":${random.pick([`${user}`, `"${user}"`])}`];
  if (random.int(0, 2) === 0) fields.push(`"quantity":${random.int(1, 3)}`);
  if (random.int(0, 4) === 0) fields.push(`"note":"${latin1('Grüße, 世界')}"`);
  const body = `{${fields.join(',')}}`;
  const optional = [
    'Content-Type: application/json\r\n',
    `Idempotency-Key: key-${random.int(1, 99)}\r\n`,
    `Authorization: Bearer user-${random.int(0, 3) === 0 ? 1 : user}\r\n`,
    'Connection: keep-alive\r\n',
    'User-Agent: shop/1.0 (spec)\r\n',
    'Accept:*/*\r\n',
  ].filter(() => random.int(0, 1) === 0);
  return {
    before: '',
    method: 'POST',
    target: PATH,
    version: 'HTTP/1.1',
    headers: random.shuffle(['Host: coupons.test\r\n', `Content-Length: ${body.length}\r\n`, ...optional]),
    headEnd: '\r\n',
    body,
  };
}

function textOf({ before, method, target, version, headers, headEnd, body }: Message): string {
  return `${before}${method} ${target} ${version}\r\n${headers.join('')}${headEnd}${body}`;
}

function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

export function randomStream(random: SeededRandom): ByteStream {
  const made: string[] = [];
  let text = '';
  let plainLead = 0;
  let onlyPlain = true;
  for (let left = random.pick([1, 1, 2, 3, 4, 6]); left > 0; left -= 1) {
    const kind = random.int(0, 9);
    if (kind < 5) {
      text += textOf(plainMessage(random));
      made.push('plain');
      if (onlyPlain) plainLead += 1;
      continue;
    }
    onlyPlain = false;
    if (kind === 5) {
      const [name, other] = random.pick(OTHER_MESSAGES);
      text += other;
      made.push(name);
    } else if (kind === 6 && left === 1) {
      // Only as the last one: node drops what arrives together with an upgrade that it declines, or waits for the rest of its body.
      const message = plainMessage(random);
      message.headers.push(random.pick(UPGRADES));
      return { bytes: Buffer.from(text + textOf(message), 'latin1'), plainLead, made: [...made, 'upgrade'] };
    } else text += mutated(random, made);
  }
  return damaged(random, { bytes: Buffer.from(text, 'latin1'), plainLead, made });
}

function mutated(random: SeededRandom, made: string[]): string {
  const message = plainMessage(random);
  for (let left = random.pick([1, 1, 1, 2, 3]); left > 0; left -= 1) {
    const [name, mutate] = random.pick(MUTATIONS);
    mutate(message, random);
    made.push(name);
  }
  return textOf(message);
}

/** Sometimes the stream is cut short, or a byte of it is another one, too many or missing. */
function damaged(random: SeededRandom, stream: ByteStream): ByteStream {
  const { bytes, made } = stream;
  const kind = random.int(0, 11);
  if (kind > 3) return stream;
  const at = random.int(0, bytes.length - 1);
  const any = Buffer.from([random.pick([0, 9, 10, 13, 32, 58, 127, 255, random.int(0, 255)])]);
  const [name, after] = (
    [
      ['cut short', Buffer.alloc(0)],
      ['byte replaced', Buffer.concat([any, bytes.subarray(at + 1)])],
      ['byte added', Buffer.concat([any, bytes.subarray(at)])],
      ['byte missing', bytes.subarray(at + 1)],
    ] as const
  )[kind as 0 | 1 | 2 | 3];
  return { bytes: Buffer.concat([bytes.subarray(0, at), after]), plainLead: 0, made: [...made, `${name} at ${at}`] };
}

/** Where the stream is cut for writing: not at all, at a few places, or between every two bytes of its beginning. */
export function randomPieces(random: SeededRandom, bytes: Buffer): Buffer[] {
  const kind = random.int(0, 9);
  if (kind < 3 || bytes.length < 2) return [bytes];
  const cuts =
    kind === 9
      ? Array.from({ length: Math.min(bytes.length - 1, 60) }, (_, index) => index + 1)
      : Array.from({ length: random.int(1, 5) }, () => random.int(1, bytes.length - 1));
  const sorted = [...new Set(cuts)].sort((a, b) => a - b);
  return [0, ...sorted].map((from, index) => bytes.subarray(from, sorted[index] ?? bytes.length));
}
