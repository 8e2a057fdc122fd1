import fc from 'fast-check';
import { REQUEST_LINE, answerWithBody, answered, laneOn, plain } from '../../../test/support/lane/lane-on';
import type { Served } from '../../../test/support/lane/lane-on';
import { turns } from '../../../test/support/lane/memory-socket';

const HEALTH = 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n';
const BAD_REQUEST = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n';
/** What node takes from a stream before it stops reading, and a chunk on top. */
const HIGH_WATER_BYTES = 2 * 64 * 1024;

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

  it('tells whose connection it is', () => {
    expect(laneOn().connection.remoteAddress).toBe('192.0.2.7');
  });
});
