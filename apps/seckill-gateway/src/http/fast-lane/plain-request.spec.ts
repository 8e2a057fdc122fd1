import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import fc from 'fast-check';
import { MemorySocket, turns } from '../../../test/support/lane/memory-socket';
import { MAX_BODY_BYTES, MAX_HEAD_BYTES, parsePlainHead } from './plain-request';

const HOST = 'Host: x\r\n';
const LENGTH = 'Content-Length: 2\r\n';

interface NodesReading {
  readonly headers: IncomingMessage['headers'];
  readonly bodies: readonly string[];
}

/** What node makes of this head with a body of so many bytes and a second request behind it; undefined when it refuses. */
async function readByNode(server: Server, lines: string, contentLength: number): Promise<NodesReading | undefined> {
  const seen: { request: IncomingMessage; body: string }[] = [];
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response) => {
    const entry = { request, body: '' };
    seen.push(entry);
    request.on('data', (chunk: Buffer) => (entry.body += chunk.toString('latin1')));
    request.on('end', () => response.end());
  });
  const socket = new MemorySocket();
  server.emit('connection', socket);
  await turns(1);
  socket.receive(
    `POST /p HTTP/1.1\r\n${lines}\r\n${'b'.repeat(contentLength)}GET /next HTTP/1.1\r\nHost: next\r\n\r\n`,
  );
  await turns();
  const refused = /HTTP\/1\.1 4/.test(socket.text) || seen.length !== 2;
  socket.destroy();
  const [first] = seen;
  return refused || first === undefined
    ? undefined
    : { headers: first.request.headers, bodies: seen.map(({ body }) => body) };
}

const token = fc.string({ minLength: 1, maxLength: 20, unit: fc.constantFrom(..."abcXYZ09!#$%&'*+-.^_`|~") });
const known = fc.constantFrom(
  'Host',
  'host',
  'Content-Length',
  'Content-Type',
  'IDEMPOTENCY-KEY',
  'Authorization',
  'X-Purchase-Token',
  'x-forwarded-for',
  'Connection',
  'Transfer-Encoding',
  'Expect',
  'TE',
  'Upgrade',
  'Trailer',
  'Keep-Alive',
  'Proxy-Connection',
  'Cookie',
);
const value = fc.oneof(
  fc.constantFrom(
    '',
    '2',
    '7',
    'keep-alive',
    'Keep-Alive',
    'close',
    'chunked',
    'application/json',
    '02',
    '+2',
    '2,2',
    'h2c',
  ),
  fc.string({ maxLength: 12, unit: 'binary-ascii' }).map((text) => text.replaceAll(/[\r\n]/g, '')),
  fc.string({ maxLength: 12, unit: fc.constantFrom(...'abc XYZ=;,/"\t\x00\x7f\x80\xff') }),
);
const line = fc
  .tuple(
    fc.oneof({ weight: 3, arbitrary: token }, { weight: 2, arbitrary: known }),
    fc.constantFrom(': ', ': ', ': ', ':', ' : ', ':  ', ':\t'),
    value,
    fc.constantFrom('\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\n ', ' \r\n'),
  )
  .map((parts) => parts.join(''));
/** Most of them hold what a request needs; a few hold nothing else. */
const head = fc
  .tuple(fc.array(line, { maxLength: 5 }), fc.subarray([HOST, LENGTH], { minLength: 1 }), fc.nat(5))
  .map(([lines, needed, at]) => [...lines.slice(0, at), ...needed, ...lines.slice(at)].join(''));

describe('the plain form of a request', () => {
  let server: Server;
  beforeAll(() => {
    server = createServer();
  });

  it('property: what it accepts, node accepts, with the same fields and the same end of the body', async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(head, async (lines) => {
        const plain = parsePlainHead(lines);
        if (plain === undefined) return;
        accepted += 1;
        const read = await readByNode(server, lines, plain.contentLength);
        expect(read).toBeDefined();
        expect({
          contentLength: Number(read?.headers['content-length']),
          contentType: read?.headers['content-type'],
          idempotencyKey: read?.headers['idempotency-key'],
          authorization: read?.headers.authorization,
          purchaseToken: read?.headers['x-purchase-token'],
          forwardedFor: read?.headers['x-forwarded-for'],
        }).toEqual(plain);
        expect(read?.bodies).toEqual(['b'.repeat(plain.contentLength), '']);
      }),
      { seed: 20_261_121, numRuns: 3_000 },
    );
    expect(accepted).toBeGreaterThan(200);
  });

  it('reads the fields, whatever the case of their names, and leaves the rest', () => {
    expect(
      parsePlainHead(
        'hOST:x\r\nAccept: */*\r\nCONTENT-LENGTH: 41\r\ncontent-type: application/json\r\nIdempotency-Key:k1\r\n' +
          'Authorization: Bearer a.b\r\nX-Purchase-Token: t\r\nX-Forwarded-For: 192.0.2.1, 192.0.2.2\r\nConnection: keep-alive\r\n',
      ),
    ).toEqual({
      contentLength: 41,
      contentType: 'application/json',
      idempotencyKey: 'k1',
      authorization: 'Bearer a.b',
      purchaseToken: 't',
      forwardedFor: '192.0.2.1, 192.0.2.2',
    });
  });

  it('accepts the largest head and the largest body, and node has no objection', async () => {
    const needed = `${HOST}Content-Length: ${MAX_BODY_BYTES}\r\n`;
    const short = 'a: b\r\n'.repeat(97);
    const lines = `${needed}${short}p: ${'p'.repeat(MAX_HEAD_BYTES - needed.length - short.length - 5)}\r\n`;
    expect(lines).toHaveLength(MAX_HEAD_BYTES);
    expect(parsePlainHead(lines)).toMatchObject({ contentLength: MAX_BODY_BYTES });
    expect((await readByNode(server, lines, MAX_BODY_BYTES))?.bodies[0]).toHaveLength(MAX_BODY_BYTES);
    expect(parsePlainHead(`${lines}a: b\r\n`)).toBeUndefined();
  });

  it.each<[string, string]>([
    ['no lines', ''],
    ['no Host', LENGTH],
    ['an empty Host', `Host:\r\n${LENGTH}`],
    ['two Hosts', `${HOST}Host: y\r\n${LENGTH}`],
    ['the same Host twice', `${HOST}${LENGTH}${HOST}`],
    ['no Content-Length', HOST],
    ['Content-Length twice', `${HOST}${LENGTH}${LENGTH}`],
    ['two Content-Lengths', `${HOST}${LENGTH}Content-Length: 3\r\n`],
    ['two Content-Lengths in different case', `${HOST}${LENGTH}content-length: 3\r\n`],
    ...[
      '',
      '0',
      '00',
      '02',
      '+2',
      '-2',
      '0x2',
      '2.0',
      '2e0',
      '2,2',
      '2 2',
      '"2"',
      '4097',
      '99999',
      '100000',
      '99999999999999999999',
    ].map((text): [string, string] => [`Content-Length "${text}"`, `${HOST}Content-Length: ${text}\r\n`]),
    ...['Content-Type', 'Idempotency-Key', 'Authorization', 'X-Purchase-Token', 'X-Forwarded-For', 'Connection'].map(
      (name): [string, string] => [
        `${name} twice`,
        `${HOST}${LENGTH}${name}: keep-alive\r\n${name.toLowerCase()}: keep-alive\r\n`,
      ],
    ),
    ...[
      'Transfer-Encoding: chunked',
      'transfer-encoding: identity',
      'TRANSFER-ENCODING:',
      'Expect: 100-continue',
      'TE: trailers',
      'Trailer: x',
      'Upgrade: h2c',
      'Keep-Alive: 1',
      'HTTP2-Settings: x',
      'Proxy-Connection: close',
    ].map((text): [string, string] => [text, `${HOST}${LENGTH}${text}\r\n`]),
    ...['close', 'Close', 'KEEP-ALIVE', 'keep-alive, close', 'upgrade', 'content-length', ''].map(
      (text): [string, string] => [`Connection: ${text}`, `${HOST}${LENGTH}Connection: ${text}\r\n`],
    ),
    ['a folded line', `${HOST}${LENGTH}X: 1\r\n 2\r\n`],
    ['a line folded with a tab', `${HOST}${LENGTH}X: 1\r\n\t2\r\n`],
    ['a first line that is folded', ` X: 1\r\n${HOST}${LENGTH}`],
    ['a space before the colon', `${HOST}Content-Length : 2\r\n`],
    ['a tab before the colon', `${HOST}Content-Length\t: 2\r\n`],
    ['two spaces behind the colon', `${HOST}${LENGTH}X:  1\r\n`],
    ['a tab behind the colon', `${HOST}${LENGTH}X:\t1\r\n`],
    ['a space at the end of a value', `${HOST}${LENGTH}X: 1 \r\n`],
    ['a value of one space', `${HOST}${LENGTH}X:  \r\n`],
    ['a line without a colon', `${HOST}${LENGTH}X\r\n`],
    ['a line without a name', `${HOST}${LENGTH}: x\r\n`],
    ['an empty line', `${HOST}\r\n${LENGTH}`],
    ['a bare LF', `${HOST}${LENGTH}X: 1\nY: 2\r\n`],
    ['a bare CR', `${HOST}${LENGTH}X: 1\rY: 2\r\n`],
    ['CR CR LF', `${HOST}${LENGTH}X: 1\r\r\n`],
    ['no line end', `${HOST}Content-Length: 2`],
    ['LF alone at the end', `${HOST}Content-Length: 2\n`],
    ...[0, 1, 8, 9, 11, 12, 27, 127, 128, 160, 255].flatMap((code): [string, string][] => [
      [`character ${code} in a value`, `${HOST}${LENGTH}X: a${String.fromCharCode(code)}b\r\n`],
      [`character ${code} in a name`, `${HOST}${LENGTH}X${String.fromCharCode(code)}: b\r\n`],
    ]),
    ...[...' "(),/;<=>?@[\\]{}'].map((character): [string, string] => [
      `${character} in a name`,
      `${HOST}${LENGTH}X${character}Y: b\r\n`,
    ]),
    // A pattern that backtracks would not come back from these.
    ['8000 spaces at the end of a value', `${HOST}${LENGTH}X: a${' '.repeat(8_000)}\r\n`],
    ['2000 empty lines and an end that is none', `${'a:\r\n'.repeat(2_000)}b`],
    ['a name of 8000 characters without a colon', `${'a'.repeat(8_000)} `],
    ['101 headers', `${HOST}${LENGTH}${'a: b\r\n'.repeat(99)}`],
  ])('does not accept %s', (_, lines) => {
    expect(parsePlainHead(lines)).toBeUndefined();
  });
});
