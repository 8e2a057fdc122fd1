import type { SeededRandom } from '@coupon/testing';
import type { Message } from './byte-streams';

type Mutation = readonly [name: string, mutate: (message: Message, random: SeededRandom) => void];

const anyHeader = (message: Message, random: SeededRandom): number => random.int(0, message.headers.length - 1);

/** Changes one header line, chosen at random. */
function changeLine(change: (line: string, random: SeededRandom) => string): Mutation[1] {
  return (message, random) => {
    const at = anyHeader(message, random);
    message.headers[at] = change(message.headers[at] ?? '', random);
  };
}

/** Adds one of these lines at a random place. */
function addLine(...lines: readonly string[]): Mutation[1] {
  return (message, random) => {
    message.headers.splice(random.int(0, message.headers.length), 0, random.pick(lines));
  };
}

/** Replaces every line of this name (lower case) by one of these. */
function replaceLine(name: string, lines: (message: Message, random: SeededRandom) => string): Mutation[1] {
  return (message, random) => {
    message.headers = message.headers.filter((line) => !line.toLowerCase().startsWith(`${name}:`));
    message.headers.push(lines(message, random));
  };
}

const inPlaceOfValue = (values: readonly string[]): Mutation[1] =>
  changeLine((line, random) => line.replace(/:.*\r\n/, `:${random.pick(values)}\r\n`));

function chunked(body: string, random: SeededRandom): string {
  let text = '';
  for (let at = 0; at < body.length;) {
    const size = random.int(1, Math.min(40, body.length - at));
    text += `${size.toString(16)}${random.pick(['', '', ';ext=1', ' ;ext', ';a="b"'])}\r\n${body.slice(at, at + size)}\r\n`;
    at += size;
  }
  return `${text}0\r\n${random.pick(['', '', 'X-Trailer: 1\r\n', 'Content-Length: 3\r\n'])}\r\n`;
}

const chunk: Mutation[1] = (message, random) => {
  const wrong = random.int(0, 3) === 0;
  replaceLine('content-length', () => 'Transfer-Encoding: chunked\r\n')(message, random);
  message.body = chunked(message.body, random);
  if (wrong) message.body = message.body.replace(/\r\n/, random.pick(['\n', '\r\n\r\n', 'g\r\n', '']));
};

const bodyOf =
  (make: (body: string, random: SeededRandom) => string): Mutation[1] =>
  (message, random) => {
    message.body = make(message.body, random);
    replaceLine('content-length', () => `Content-Length: ${message.body.length}\r\n`)(message, random);
  };

export const MUTATIONS: readonly Mutation[] = [
  [
    'name in another case',
    changeLine((line) =>
      line.replace(/^[^:]*/, (name) =>
        [...name].map((c, i) => (i % 2 === 0 ? c.toUpperCase() : c.toLowerCase())).join(''),
      ),
    ),
  ],
  [
    'line twice',
    (message, random) => {
      const line = message.headers[anyHeader(message, random)] ?? '';
      message.headers.splice(random.int(0, message.headers.length), 0, line);
    },
  ],
  ['space before the colon', changeLine((line, random) => line.replace(':', random.pick([' :', '\t:'])))],
  [
    'spaces around the value',
    changeLine((line, random) =>
      line.replace(/: ?(.*)\r\n/, random.pick([':  $1\r\n', ':$1\r\n', ':\t$1\r\n', ': $1 \r\n', ': $1\t\r\n'])),
    ),
  ],
  [
    'folded line',
    changeLine((line, random) =>
      line.replace('\r\n', random.pick(['\r\n folded\r\n', '\r\n\tfolded\r\n', '\r\n \r\n'])),
    ),
  ],
  ['bare line end', changeLine((line, random) => line.replace('\r\n', random.pick(['\n', '\r', '\r\r\n', '\n\n'])))],
  [
    'control character or high byte',
    changeLine((line, random) => {
      const at = random.int(0, line.length - 2);
      return (
        line.slice(0, at) +
        random.pick(['\x00', '\x01', '\x0b', '\x7f', '\x80', '\xff', '\t', '(', '\xc3\xbc']) +
        line.slice(at)
      );
    }),
  ],
  ['empty value', inPlaceOfValue(['', ' ', '\t'])],
  ['no colon', changeLine((line) => line.replace(':', ''))],
  ['empty name', changeLine((line) => line.replace(/^[^:]*/, ''))],
  ['chunked', chunk],
  [
    'chunked and a length',
    (message, random) => {
      chunk(message, random);
      message.headers.push(`Content-Length: ${random.pick([message.body.length, 3])}\r\n`);
    },
  ],
  [
    'another transfer encoding',
    addLine(
      'Transfer-Encoding: identity\r\n',
      'Transfer-Encoding: gzip, chunked\r\n',
      'Transfer-Encoding: chunked, gzip\r\n',
      'Transfer-Encoding: xchunked\r\n',
      'Transfer-Encoding:\r\n',
      'transfer-encoding: Chunked\r\n',
    ),
  ],
  [
    'a look-alike of a length',
    addLine(
      'Content-Length : 3\r\n',
      'Content_Length: 3\r\n',
      'Content-Length\x00: 3\r\n',
      'X-Content-Length: 3\r\n',
      'Content-Length: 3\r\n',
      'Content-Length: 0\r\n',
    ),
  ],
  [
    'another spelling of the length',
    replaceLine('content-length', ({ body: { length } }, random) => {
      const value = random.pick([
        `+${length}`,
        `0${length}`,
        `0x${length.toString(16)}`,
        `${length} `,
        `${length},${length}`,
        `${length}.0`,
        `-${length}`,
        '99999999999999999999',
        '18446744073709551616',
        '4294967297',
        '',
        '0',
        `${length}e0`,
        `"${length}"`,
        `${length} ${length}`,
      ]);
      return `Content-Length: ${value}\r\n`;
    }),
  ],
  [
    'a length that is too small or too large',
    replaceLine(
      'content-length',
      ({ body: { length } }, random) =>
        `Content-Length: ${Math.max(1, length + random.pick([-20, -3, -1, 1, 2, 40, 300]))}\r\n`,
    ),
  ],
  ['no length', replaceLine('content-length', () => 'X-Nothing: 1\r\n')],
  ['no host', replaceLine('host', () => 'X-Nothing: 1\r\n')],
  [
    'another host',
    replaceLine('host', (_, random) =>
      random.pick(['Host:\r\n', 'Host: a b\r\n', 'Host: a,b\r\n', 'Host: x\r\nHost: y\r\n', 'HOST: [::1]:80\r\n']),
    ),
  ],
  [
    'another connection',
    replaceLine('connection', (_, random) =>
      random.pick([
        'Connection: close\r\n',
        'Connection: Close\r\n',
        'Connection: Keep-Alive\r\n',
        'Connection: KEEP-ALIVE\r\n',
        'Connection: keep-alive, x\r\n',
        'Connection: close, keep-alive\r\n',
        'Connection: content-length\r\n',
        'Connection: TE\r\nTE: trailers\r\n',
        'Proxy-Connection: close\r\n',
        'Connection:\r\n',
        'Keep-Alive: timeout=1\r\n',
      ]),
    ),
  ],
  ['expect', addLine('Expect: 100-continue\r\n', 'expect: 100-Continue\r\n', 'Expect: something\r\n', 'Expect:\r\n')],
  ['trailer announced', addLine('Trailer: X\r\n', 'TE: trailers\r\n')],
  [
    'content type',
    replaceLine('content-type', (_, random) =>
      random.pick([
        'Content-Type: text/plain\r\n',
        'Content-Type: application/json; charset=utf-8\r\n',
        'Content-Type: APPLICATION/JSON\r\n',
        'Content-Type: application/jsonp\r\n',
        'Content-Type:\r\n',
      ]),
    ),
  ],
  ['content encoding', addLine('Content-Encoding: gzip\r\n', 'Content-Encoding: identity\r\n')],
  [
    'another key',
    replaceLine('idempotency-key', (_, random) =>
      random.pick([
        `Idempotency-Key: ${'k'.repeat(65)}\r\n`,
        'Idempotency-Key: a b\r\n',
        'Idempotency-Key: a\r\nIdempotency-Key: b\r\n',
        'Idempotency-Key:\r\n',
        'idempotency-key:k\r\n',
      ]),
    ),
  ],
  [
    'another authorization',
    replaceLine('authorization', (_, random) =>
      random.pick([
        'Authorization: Bearer user-1\r\nAuthorization: Bearer user-2\r\n',
        'Authorization: Basic eDp5\r\n',
        'Authorization:Bearer user-5\r\n',
        'Authorization: Bearer  user-5\r\n',
      ]),
    ),
  ],
  [
    'method',
    (message, random) => {
      message.method = random.pick([
        'GET',
        'PUT',
        'HEAD',
        'OPTIONS',
        'DELETE',
        'post',
        'POSTT',
        'CONNECT',
        'PRI',
        'M-SEARCH',
        '',
      ]);
    },
  ],
  [
    'target',
    (message, random) => {
      message.target = random.pick([
        `${message.target}?a=1`,
        `${message.target}/`,
        `${message.target}#x`,
        `http://coupons.test${message.target}`,
        message.target.toUpperCase(),
        `/${message.target}`,
        '*',
        `${message.target}%20`,
        `${message.target}\x80`,
        ` ${message.target}`,
        `${message.target}\t`,
        '/health/live',
        '',
      ]);
    },
  ],
  [
    'version',
    (message, random) => {
      message.version = random.pick([
        'HTTP/1.0',
        'HTTP/1.2',
        'HTTP/2.0',
        'HTTP/0.9',
        'http/1.1',
        'HTTP/1.1 ',
        'HTTP/11',
        'HTTP/1.1\x00',
        '',
      ]);
    },
  ],
  [
    'before the request',
    (message, random) => {
      message.before = random.pick(['\r\n', '\r\n\r\n', '\n', '\r', ' ', '\x00', 'x']);
    },
  ],
  [
    'end of the head',
    (message, random) => {
      message.headEnd = random.pick(['\n', '\r', '', '\r\n\r\n', ' \r\n', '\r\r\n']);
    },
  ],
  [
    'bytes behind the body',
    (message, random) => {
      message.body += random.pick(['\r\n', '\n', '\r\n\r\n', 'x', '\x00', 'POST ', '0\r\n\r\n']);
    },
  ],
  [
    'many headers',
    (message, random) => {
      for (let left = random.pick([60, 90, 120, 400]); left > 0; left -= 1) message.headers.push('a: b\r\n');
    },
  ],
  [
    'huge head',
    (message, random) => {
      message.headers.push(`X-Padding: ${'p'.repeat(random.pick([7_700, 8_200, 12_000, 16_500, 20_000]))}\r\n`);
    },
  ],
  [
    'huge body',
    bodyOf((body, random) => `${body.slice(0, -1)},"x":"${'y'.repeat(random.pick([3_900, 4_100, 9_000, 17_000]))}"}`),
  ],
  [
    'another body',
    bodyOf((body, random) =>
      random.pick([
        '',
        '[]',
        'null',
        '{',
        body.slice(1),
        `\xef\xbb\xbf${body}`,
        `${body}\xff\xfe`,
        ` ${body} `,
        '{"activity_id":"1","user_id":"\xe4"}',
        'x\x00y',
        '{"activity_id":-1,"user_id":2}',
      ]),
    ),
  ],
];
