import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { readFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ANSWER_BYTES } from './load-plan';
import type { LoadPlan } from './load-plan';
import { runLoad } from './run-load';

const CLAIM = '01K0ABCDEFGHJKMNPQRSTVWXYZ';
const win = JSON.stringify({ success: true, code: 'OK', claim_id: CLAIM, replayed: false });
const WIN = `HTTP/1.1 200 OK\r\nContent-Length: ${win.length}\r\n\r\n${win}`;

let server: Server;
let directory: string;
const users: string[] = [];
let answer: (socket: Socket, count: number) => void;

beforeEach(async () => {
  users.length = 0;
  answer = (socket) => socket.write(WIN);
  server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      const [user] = /"user_id":"(\d+)"/.exec(data.toString()) ?? [];
      users.push(user ?? 'not a whole request');
      answer(socket, users.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  directory = mkdtempSync(join(tmpdir(), 'run-load-'));
});
afterEach(async () => {
  rmSync(directory, { recursive: true, force: true });
  await new Promise((resolve) => server.close(resolve));
});

const plan = (over: Partial<LoadPlan>): LoadPlan => ({
  port: (server.address() as AddressInfo).port,
  connections: 4,
  arrivals: { kind: 'closed' },
  maxRequests: 500,
  maxSeconds: 30,
  warmUpSeconds: 0,
  warmUpRequests: 0,
  firstUser: 1_000,
  users: 500,
  activities: ['1'],
  watchedPids: [process.pid],
  ...over,
});

describe('runLoad', () => {
  it('sends every request once, each of another user, and keeps what each was answered', async () => {
    const answersFile = join(directory, 'answers');
    const result = await runLoad(plan({ answersFile }));
    expect(result).toMatchObject({ sent: 500, answers: { OK: 500 }, errors: [], sampleMismatches: 0 });
    expect(result.sampled).toBeGreaterThan(0);
    expect(new Set(users).size).toBe(500);
    const answers = readFileSync(answersFile);
    expect(answers.length).toBe(500 * ANSWER_BYTES);
    for (let n = 0; n < 500; n += 1) {
      expect(result.classes[answers[n * ANSWER_BYTES] ?? 0]).toBe('OK');
      expect(answers.toString('latin1', n * ANSWER_BYTES + 1, (n + 1) * ANSWER_BYTES)).toBe(CLAIM);
    }
  });

  it('has at most one request under way per connection', async () => {
    let underWay = 0;
    let most = 0;
    answer = (socket) => {
      underWay += 1;
      most = Math.max(most, underWay);
      setImmediate(() => {
        underWay -= 1;
        socket.write(WIN);
      });
    };
    await runLoad(plan({}));
    expect(most).toBeLessThanOrEqual(4);
  });

  it('measures after the warm-up only', async () => {
    const result = await runLoad(plan({ warmUpRequests: 200 }));
    expect(result.answers).toEqual({ OK: 500 });
    expect(result.measured.all.count).toBeGreaterThan(0);
    expect(result.measured.all.count).toBeLessThanOrEqual(300);
  });

  it('counts a stall of the server in the latency of everybody who arrived meanwhile', async () => {
    // One connection; the first answer comes 400 ms late. All 200 arrivals are due within 200 ms, so each waits at least 200 ms.
    answer = (socket, count) => {
      if (count === 1) setTimeout(() => socket.write(WIN), 400);
      else socket.write(WIN);
    };
    const result = await runLoad(
      plan({ connections: 1, arrivals: { kind: 'open', ratePerSecond: 1_000 }, maxRequests: 200, users: 200 }),
    );
    expect(result.answers).toEqual({ OK: 200 });
    expect(result.measured.all.count).toBe(200);
    expect(result.measured.all.p50_ms).toBeGreaterThanOrEqual(250);
    expect(result.mostWaiting).toBeGreaterThanOrEqual(150);
    expect(result.delayedArrivals).toBeGreaterThanOrEqual(150);
  });

  it('says which requests were never answered, and goes on with the other connections', async () => {
    answer = (socket, count) => {
      if (count === 50) socket.destroy();
      else socket.write(WIN);
    };
    const result = await runLoad(plan({}));
    expect(result.answers).toEqual({ OK: 499, 'no answer': 1 });
    expect(result.errors).toHaveLength(1);
  });

  it('ends when no connection is left', async () => {
    answer = (socket) => socket.destroy();
    const result = await runLoad(plan({}));
    expect(result.answers).toEqual({ 'no answer': 4 });
    expect(result.errors).toContain('no connection is left');
  });

  it('notices an answer that the scan and JSON read differently', async () => {
    // Two codes: the scan takes the first, JSON the last.
    const body = '{"code":"OK","code":"SOLD_OUT","replayed":false}';
    answer = (socket) => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    const result = await runLoad(plan({}));
    expect(result.sampleMismatches).toBe(result.sampled);
  });
});
