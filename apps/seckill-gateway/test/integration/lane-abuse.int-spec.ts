import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { eventually } from '@coupon/testing';
import { answersIn, converse } from '../support/lane/converse';
import { startLaneServer } from '../support/lane/lane-server';
import type { LaneServer } from '../support/lane/lane-server';
import { RecordingDesk } from '../support/lane/recording-desk';
import { useGateway } from './fixture';

const PATH = '/api/v1/seckill/purchase';
/** What a stream takes before it stops reading, and a chunk on top; what it keeps of answers, and one on top. */
const BUFFER_BYTES = 2 * 64 * 1024;

const purchase = (body: string, extra = ''): string =>
  `POST ${PATH} HTTP/1.1\r\nHost: x\r\n${extra}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

describe('hostile clients of a gateway', () => {
  const gateway = useGateway();
  const sockets: Socket[] = [];

  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  const say = async (text: string): Promise<string[]> => {
    const heard = await converse(gateway.gateway.http.port, {
      pieces: [Buffer.from(text, 'latin1')],
      pauseMs: 0,
      answersBeforeEnd: undefined,
    });
    expect(heard.open).toBe(false);
    return answersIn(heard.text);
  };

  /** A connection that the spec sees from both ends. */
  const open = async (): Promise<{ client: Socket; server: Socket }> => {
    const accepted = once(gateway.gateway.http.server, 'connection') as Promise<[Socket]>;
    const client = connect(gateway.gateway.http.port, '127.0.0.1');
    sockets.push(client);
    client.on('error', () => undefined);
    const [server] = await accepted;
    return { client, server };
  };

  test.each<[string, number, (body: string) => string]>([
    ['a head of 17 KB', 431, (body) => purchase(body, `X: ${'x'.repeat(17_000)}\r\n`)],
    ['a head that never ends', 431, () => `POST ${PATH} HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(40_000)}`],
    ['a request line that never ends', 431, () => `POST ${PATH}?${'x'.repeat(40_000)}`],
    ['3000 headers', 431, (body) => purchase(body, 'a: b\r\n'.repeat(3_000))],
    ['a body of 17 KB', 413, (body) => purchase(body.replace('{', `{"x":"${'x'.repeat(17_000)}",`))],
    ['a length of a terabyte', 413, (body) => purchase(body).replace(/-Length: \d+/, '-Length: 1099511627776')],
    ['a length beyond 64 bits', 400, (body) => purchase(body).replace(/-Length: /, '-Length: 184467440737095516')],
    ['two lengths', 400, (body) => purchase(body, 'Content-Length: 0\r\n')],
    ['a length and chunks', 400, (body) => purchase(`0\r\n\r\n${purchase(body)}`, 'Transfer-Encoding: chunked\r\n')],
    ['NUL in a header', 400, (body) => purchase(body, 'X: \x00\r\n')],
    ['a space before the colon', 400, (body) => purchase(body, 'X : 1\r\n')],
    ['bare line feeds', 400, (body) => purchase(body).replaceAll('\r\n', '\n')],
    ['bytes of TLS in front', 400, (body) => `\x16\x03\x01\x02\x00\x01\x00${purchase(body)}`],
    ['4000 open brackets', 400, () => purchase('['.repeat(4_000))],
  ])('%s: %i, and no claim reaches Redis', async (_, status, textWith) => {
    const activity = await gateway.open();
    const answers = await say(textWith(`{"activity_id":"${activity}","user_id":1}`));
    expect(answers.map((answer) => answer.slice(9, 12))).toEqual([String(status)]);
    expect(await gateway.store.snapshot(activity)).toMatchObject({ claimed: 0 });
  });

  test('a request hidden in the body of another is part of that body', async () => {
    const activity = await gateway.open();
    const hidden = purchase(`{"activity_id":"${activity}","user_id":1}`);
    const bodies = [`{"activity_id":"${activity}","user_id":2}`, `{"activity_id":"${activity}","user_id":3,"x":"`];
    const answers = await say(purchase(bodies[0] ?? '') + purchase(`${bodies[1]}${hidden}`));
    expect(answers.map((answer) => answer.slice(9, 12))).toEqual(['200', '400']);
    expect(await gateway.store.snapshot(activity)).toMatchObject({ claimed: 1 });
  });

  test('a flood of pipelined purchases is answered completely and in order, each claimed once', async () => {
    const activity = await gateway.open({ total: 1_000 });
    const users = Array.from({ length: 500 }, (_, index) => index + 1);
    const requests = users.map((user) =>
      purchase(`{"activity_id":"${activity}","user_id":${user}}`, `Idempotency-Key: k${user}\r\n`),
    );
    const answers = await say(requests.join(''));
    expect(answers).toHaveLength(500);
    const remaining = answers.map((answer) => Number(/"remaining_count":(\d+)/.exec(answer)?.[1]));
    expect(remaining).toEqual(users.map((user) => 1_000 - user));
    expect(await gateway.store.snapshot(activity)).toMatchObject({ claimed: 500, eventSeq: 500 });
  });

  test('a client that sends on and on and reads nothing is stopped: what is kept for it stays bounded', async () => {
    const { client, server } = await open();
    client.pause();
    // Refused without Redis, so that nothing but the client's own reading can slow it down.
    const flood = Buffer.from(purchase('{"user_id":1}').repeat(500));
    let written = 0;
    let most = 0;
    const pour = (): void => {
      while (written < 64 * 1024 * 1024 && !client.destroyed) {
        written += flood.length;
        if (!client.write(flood)) return;
      }
    };
    client.on('drain', pour);
    pour();
    const kept = (): number => {
      most = Math.max(most, server.readableLength + server.writableLength);
      return most;
    };
    let last = -1;
    await eventually(
      () => {
        kept();
        const before = last;
        last = server.bytesRead;
        expect(server.isPaused()).toBe(true);
        expect(before).toBe(server.bytesRead);
      },
      { intervalMs: 100, timeoutMs: 15_000 },
    );
    expect(written).toBeLessThan(64 * 1024 * 1024);
    expect(kept()).toBeLessThan(2 * BUFFER_BYTES);
    // It gets everything once it reads.
    const answeredBefore = server.bytesWritten;
    client.resume();
    await eventually(() => {
      expect(server.bytesWritten).toBeGreaterThan(answeredBefore);
    });
  }, 30_000);

  test('a client that is gone before its answer leaves nothing behind', async () => {
    const activity = await gateway.open({ total: 100 });
    const connections: Awaited<ReturnType<typeof open>>[] = [];
    while (connections.length < 50) connections.push(await open());
    for (const [index, { client }] of connections.entries()) {
      client.write(purchase(`{"activity_id":"${activity}","user_id":${index + 1}}`).repeat(2), () =>
        client.resetAndDestroy(),
      );
    }
    await eventually(() => connections.every(({ server }) => server.destroyed));
    const claimed = (await gateway.store.snapshot(activity))?.claimed ?? -1;
    expect(claimed).toBeLessThanOrEqual(50);
    expect((await gateway.buy({ activity_id: activity, user_id: 1_000 })).status).toBe(200);
  });
});

describe('slow clients', () => {
  const desk = new RecordingDesk();
  let server: LaneServer;
  const clients: Socket[] = [];

  beforeAll(async () => {
    server = await startLaneServer(desk, {
      lane: { partialTimeoutMs: 100, keepAliveTimeoutMs: 400, sweepMs: 50 },
      headersTimeoutMs: 300,
      requestTimeoutMs: 300,
      timeoutCheckMs: 50,
    });
  });
  afterAll(async () => {
    for (const client of clients) client.destroy();
    await server.close();
  });

  test.each<[string, string, RegExp]>([
    ['that never finish their head', purchase('{}').slice(0, 60), /^HTTP\/1\.1 408 /],
    ['that never finish their body', purchase('{"user_id":1}').slice(0, -1), /^HTTP\/1\.1 408 /],
    ['that never send a byte', '', /^$/],
  ])(
    '300 connections %s are closed, and others are served meanwhile',
    async (_, bytes, told) => {
      const texts: string[] = [];
      const closed = Array.from({ length: 300 }, async (_each, index) => {
        const client = connect(server.http.port, '127.0.0.1');
        clients.push(client);
        texts[index] = '';
        client.on('error', () => undefined);
        client.on('data', (chunk: Buffer) => (texts[index] += chunk.toString('latin1')));
        await once(client, 'connect');
        // A few bytes at a time, the last of them never.
        for (let at = 0; at < bytes.length && client.writable; at += 7) {
          client.write(bytes.slice(at, at + 7));
          await new Promise((resolve) => setImmediate(resolve));
        }
        if (!client.destroyed) await once(client, 'close');
      });
      const served = await converse(server.http.port, {
        pieces: [Buffer.from(purchase('{"activity_id":1,"user_id":3}'))],
        pauseMs: 0,
        answersBeforeEnd: 1,
      });
      expect(served.text).toMatch(/^HTTP\/1\.1 200 /);
      await Promise.all(closed);
      expect(texts.filter((text) => !told.test(text))).toEqual([]);
      const connections = await new Promise<number>((resolve, reject) => {
        server.http.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
      });
      expect(connections).toBe(0);
      expect(desk.claims.splice(0)).toEqual(['1/3 x1 ""']);
    },
    20_000,
  );
});
