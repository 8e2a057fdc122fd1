import fc from 'fast-check';
import type { ClaimId } from '@coupon/domain';
import { MemorySocket, turns } from '../../../test/support/lane/memory-socket';
import type { ClaimAnswer } from '../../use-cases/claim-coupon.use-case';
import { LaneConnection } from './lane-connection';
import type { PlainHead } from './plain-request';

const REQUEST_LINE = 'POST /p HTTP/1.1\r\n';
const HEALTH = 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n';
const BAD_REQUEST = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n';
/** What node takes from a stream before it stops reading, and a chunk on top. */
const HIGH_WATER_BYTES = 2 * 64 * 1024;

const plain = (body: string, extra = ''): string =>
  `${REQUEST_LINE}Host: x\r\n${extra}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

interface Served {
  readonly head: PlainHead;
  readonly body: string;
  readonly connection: LaneConnection;
}

/** A connection whose requests wait until the spec answers them, unless `answer` does at once. */
function laneOn(answer?: (served: Served) => void): {
  socket: MemorySocket;
  connection: LaneConnection;
  served: Served[];
  /** Bytes that node:http was given, once it was given the connection. */
  handed: () => string | undefined;
  bodies: () => string[];
  left: () => number;
} {
  const socket = new MemorySocket();
  const served: Served[] = [];
  let handed: string | undefined;
  let left = 0;
  const connection = new LaneConnection(
    socket.asSocket,
    {
      requestLine: REQUEST_LINE,
      serve: (head, body, by) => {
        const entry = { head, body, connection: by };
        served.push(entry);
        answer?.(entry);
      },
      errorReply: (error) => ({ status: 400, headers: {}, body: String(error) }),
      tail: (close) => (close ? 'Close\r\n\r\n' : 'Keep\r\n\r\n'),
      left: () => (left += 1),
      nowMs: () => Date.now(),
    },
    (given) => {
      handed = '';
      given.on('data', (chunk: Buffer) => (handed += chunk.toString('latin1')));
      given.on('error', () => undefined);
    },
  );
  return {
    socket,
    connection,
    served,
    handed: () => handed,
    bodies: () => served.map(({ body }) => body),
    left: () => left,
  };
}

const won = (body: string): ClaimAnswer => ({
  kind: 'won',
  claimId: body as ClaimId,
  couponSns: ['CP'],
  available: 1,
  replayed: false,
});

const answerWithBody = ({ connection, body }: Served): void => {
  connection.answered(won(body));
};

/** The bodies that the answers on a connection speak of, in their order. */
const answered = (text: string): string[] => [...text.matchAll(/"claim_id":"([^"]*)"/g)].map(([, body]) => body ?? '');

function cut(text: string, places: readonly number[]): string[] {
  const at = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, index) => text.slice(from, at[index] ?? text.length)).filter((piece) => piece !== '');
}

describe('a connection in the lane', () => {
  it('property: however the bytes are cut, every request is served once, in order, and answered in order', async () => {
    const bodies = fc.array(fc.stringMatching(/^[a-z]{1,30}$/), { minLength: 1, maxLength: 6 });
    const how = fc.constantFrom('at once', 'later', 'much later');
    await fc.assert(
      fc.asyncProperty(bodies, fc.array(fc.nat()), how, fc.boolean(), async (texts, places, when, endsEarly) => {
        const {
          socket,
          served,
          bodies: seen,
          handed,
        } = laneOn((entry) => {
          if (when === 'at once') answerWithBody(entry);
          else if (when === 'later') process.nextTick(answerWithBody, entry);
          else setImmediate(() => setImmediate(answerWithBody, entry));
        });
        for (const [index, piece] of cut(texts.map((text) => plain(text)).join(''), places).entries()) {
          socket.receive(piece);
          if (index % 3 === 0) await turns(1);
        }
        if (endsEarly) socket.receiveEnd();
        await turns(4 + 4 * texts.length);
        expect(seen()).toEqual(texts);
        expect(answered(socket.text)).toEqual(texts);
        expect(new Set(served).size).toBe(texts.length);
        expect([handed(), socket.destroyed]).toEqual([undefined, endsEarly]);
      }),
      { seed: 20_261_121, numRuns: 300 },
    );
  });

  it('property: node:http gets the rest of the bytes from the first request that is not plain, complete and in order', async () => {
    const bodies = fc.array(fc.stringMatching(/^[a-z]{1,30}$/), { maxLength: 4 });
    const others = fc.constantFrom(
      HEALTH,
      'nonsense',
      plain('x', 'Expect: 100-continue\r\n'),
      '\r\n',
      'post /p HTTP/1.1\r\n',
    );
    await fc.assert(
      fc.asyncProperty(bodies, others, bodies, fc.array(fc.nat()), async (before, other, after, places) => {
        const { socket, bodies: seen, handed } = laneOn((entry) => setImmediate(answerWithBody, entry));
        const rest = other + after.map((text) => plain(text)).join('');
        for (const [index, piece] of cut(before.map((text) => plain(text)).join('') + rest, places).entries()) {
          socket.receive(piece);
          if (index % 2 === 0) await turns(1);
        }
        socket.receiveEnd();
        await turns(6 + 4 * before.length);
        expect([seen(), answered(socket.text), handed()]).toEqual([before, before, rest]);
      }),
      { seed: 20_261_121, numRuns: 300 },
    );
  });

  it('passes the fields and the body, as UTF-8, however the bytes are cut', async () => {
    const { socket, served } = laneOn();
    for (const byte of Buffer.from(plain('{"n":"完売"}', 'Idempotency-Key: k\r\n')))
      socket.receive(Buffer.from([byte]));
    await turns();
    expect(served).toMatchObject([{ head: { idempotencyKey: 'k' }, body: '{"n":"完売"}' }]);
  });

  it('reads the lines of the request, not those of the one before', async () => {
    const { socket, served } = laneOn(answerWithBody);
    const keys = ['a', 'a', 'b', 'a', undefined];
    for (const key of keys) socket.receive(plain('x', key === undefined ? '' : `Idempotency-Key: ${key}\r\n`));
    await turns();
    expect(served.map(({ head }) => head.idempotencyKey)).toEqual(keys);
  });

  it('serves a thousand requests in one piece without deep recursion', async () => {
    const { socket, served } = laneOn(answerWithBody);
    socket.receive(plain('x').repeat(1_000));
    await turns(20);
    expect(served).toHaveLength(1_000);
    expect(answered(socket.text)).toHaveLength(1_000);
  });

  it('takes no second request before the first is answered, and stops reading', async () => {
    const { socket, served, bodies } = laneOn();
    socket.receive(plain('first'));
    await turns();
    for (let sent = 0; sent < 2_000; sent += 1) socket.receive(plain(`more-${sent}`));
    await turns();
    expect(bodies()).toEqual(['first']);
    expect(socket.isPaused()).toBe(true);
    served[0]?.connection.failed('no');
    await turns();
    expect(bodies()).toEqual(['first', 'more-0']);
    expect(socket.isPaused()).toBe(true);
    socket.destroy();
  });

  it('serves nothing more to a client that does not take its answers, until it does', async () => {
    const { socket, served } = laneOn(answerWithBody);
    socket.setTaking(false);
    for (let sent = 0; sent < 3_000; sent += 1) socket.receive(plain('x'));
    await turns(30);
    expect(socket.writableLength).toBeGreaterThanOrEqual(socket.writableHighWaterMark);
    expect(socket.writableLength).toBeLessThan(socket.writableHighWaterMark + 1_000);
    expect(socket.isPaused()).toBe(true);
    const servedSoFar = served.length;
    await turns();
    expect(served).toHaveLength(servedSoFar);
    socket.setTaking(true);
    await turns(40);
    expect(answered(socket.text)).toHaveLength(3_000);
  });

  it('also stops when the answers come later', async () => {
    const { socket, served } = laneOn((entry) => setImmediate(answerWithBody, entry));
    socket.setTaking(false);
    socket.receive(plain('x').repeat(1_000));
    await turns(1_000);
    expect(socket.writableLength).toBeLessThan(socket.writableHighWaterMark + 1_000);
    expect(served.length).toBeLessThan(1_000);
    // What was not served is all that is kept of the client's bytes.
    expect(socket.readableLength).toBeLessThan(HIGH_WATER_BYTES);
    socket.destroy();
  });

  it('keeps at most one request of bytes of its own', async () => {
    const { socket, handed } = laneOn();
    const endless = `${REQUEST_LINE}Host: x\r\nX: ${'x'.repeat(20_000)}`;
    for (const piece of cut(
      endless,
      Array.from({ length: 20 }, (_, index) => index * 1_000),
    ))
      socket.receive(piece);
    await turns();
    expect(handed()).toBe(endless);
  });

  describe('the end of the stream', () => {
    it('before any request: the connection is closed without a word', async () => {
      const { socket, left } = laneOn();
      socket.receiveEnd();
      await socket.gone;
      expect([socket.text, left()]).toEqual(['', 1]);
    });

    it.each([
      ['in the request line', plain('body').slice(0, 5)],
      ['in the head', plain('body').slice(0, 30)],
      ['before the body', plain('body').slice(0, -4)],
      ['in the body', plain('body').slice(0, -1)],
    ])('%s: 400', async (_, bytes) => {
      const { socket, served } = laneOn();
      socket.receive(bytes);
      socket.receiveEnd();
      await socket.gone;
      expect([socket.text, served]).toEqual([BAD_REQUEST, []]);
    });

    it('while requests wait: all of them are served and answered, and then the connection is closed', async () => {
      const { socket, served, bodies } = laneOn();
      socket.receive(plain('1') + plain('2') + plain('3'));
      socket.receiveEnd();
      for (let index = 0; index < 3; index += 1) {
        await turns();
        expect(served).toHaveLength(index + 1);
        answerWithBody(served[index] as Served);
      }
      await socket.gone;
      expect([bodies(), answered(socket.text)]).toEqual([
        ['1', '2', '3'],
        ['1', '2', '3'],
      ]);
    });

    it('behind part of a request that waits: the answers, then 400', async () => {
      const { socket, served } = laneOn();
      socket.receive(plain('1') + plain('2').slice(0, -1));
      socket.receiveEnd();
      await turns();
      answerWithBody(served[0] as Served);
      await socket.gone;
      expect(answered(socket.text)).toEqual(['1']);
      expect(socket.text.endsWith(BAD_REQUEST)).toBe(true);
      expect(served).toHaveLength(1);
    });
  });

  describe('a connection that breaks', () => {
    it('while its request is served: the answer goes nowhere, and nothing is thrown', async () => {
      const { socket, served, left } = laneOn();
      socket.receive(plain('1') + plain('2'));
      await turns();
      socket.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
      await turns();
      expect(left()).toBe(1);
      expect(() => answerWithBody(served[0] as Served)).not.toThrow();
      await turns();
      expect([served.length, socket.text]).toEqual([1, '']);
    });

    it('in the middle of a request: nothing is served', async () => {
      const { socket, served, left } = laneOn();
      socket.receive(plain('1').slice(0, -1));
      await turns();
      socket.destroy(new Error('read ECONNRESET'));
      await turns();
      expect([served.length, left()]).toEqual([0, 1]);
    });
  });

  describe('finish', () => {
    it('closes an idle connection', async () => {
      const { socket, connection } = laneOn();
      connection.finish();
      await socket.gone;
      expect(socket.text).toBe('');
    });

    it('closes one that has had its answer', async () => {
      const { socket, connection } = laneOn(answerWithBody);
      socket.receive(plain('1'));
      await turns();
      connection.finish();
      await socket.gone;
      expect(socket.text).toContain('\r\nKeep\r\n\r\n');
    });

    it('lets the request at hand be answered with the closing tail, and serves none behind it', async () => {
      const { socket, connection, served } = laneOn();
      socket.receive(plain('1') + plain('2'));
      await turns();
      connection.finish();
      await turns();
      expect(socket.destroyed).toBe(false);
      answerWithBody(served[0] as Served);
      await socket.gone;
      expect(socket.text).toContain('\r\nClose\r\n\r\n');
      expect(answered(socket.text)).toEqual(['1']);
      expect(served).toHaveLength(1);
    });

    it('leaves a request that is still arriving to node:http, with all of its bytes', async () => {
      const { socket, connection, served, handed, left } = laneOn();
      socket.receive(plain('1').slice(0, -1));
      await turns();
      connection.finish();
      socket.receive('1');
      await turns();
      expect([handed(), served.length, left()]).toEqual([plain('1'), 0, 1]);
    });

    it('waits for a client that takes its answers slowly', async () => {
      const { socket, connection } = laneOn(answerWithBody);
      socket.setTaking(false);
      socket.receive(plain('1'));
      await turns();
      connection.finish();
      await turns();
      expect(socket.destroyed).toBe(false);
      socket.setTaking(true);
      await socket.gone;
      expect(answered(socket.text)).toEqual(['1']);
    });
  });

  describe('leave', () => {
    it('hands bytes and future over: nothing of the lane listens any longer', async () => {
      const { socket, connection, handed, served } = laneOn();
      socket.receive(plain('1').slice(0, 20));
      await turns();
      expect(connection.partial).toBe(true);
      connection.leave();
      socket.receive(plain('1').slice(20) + plain('2'));
      await turns();
      expect([handed(), served]).toEqual([plain('1') + plain('2'), []]);
      const listeners = ['data', 'end', 'drain'].map((name) => socket.listenerCount(name));
      expect(listeners).toEqual([1, 0, 0]);
    });

    it('keeps the order of the bytes it holds and those that the socket holds', async () => {
      const { socket, connection, handed } = laneOn(answerWithBody);
      socket.setTaking(false);
      const requests = plain('x').repeat(1_000);
      socket.receive(requests);
      await turns();
      const kept = socket.readableLength;
      connection.leave();
      socket.receive('tail');
      await turns();
      expect(handed()).toBe(`${requests.slice(-kept)}tail`);
    });
  });

  it('tells whose connection it is', () => {
    expect(laneOn().connection.remoteAddress).toBe('192.0.2.7');
  });
});
