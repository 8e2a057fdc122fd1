import { MemorySocket, turns } from '../../../test/support/lane/memory-socket';
import { FastLane } from './fast-lane';
import type { LaneConnection } from './lane-connection';

const PLAIN = 'POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}';

function laneWith(timeouts: { keepAliveTimeoutMs?: number; partialTimeoutMs?: number; sweepMs?: number } = {}): {
  lane: FastLane;
  connect: () => MemorySocket;
  waiting: LaneConnection[];
  handed: MemorySocket[];
} {
  const waiting: LaneConnection[] = [];
  const handed: MemorySocket[] = [];
  const lane = new FastLane({
    path: '/p',
    serve: (_head, _body, connection) => waiting.push(connection),
    errorReply: (error) => ({ status: 400, headers: {}, body: String(error) }),
    ...timeouts,
  });
  lanes.push(lane);
  const connect = (): MemorySocket => {
    const socket = new MemorySocket();
    lane.accept(socket.asSocket, () => handed.push(socket));
    return socket;
  };
  return { lane, connect, waiting, handed };
}

const lanes: FastLane[] = [];

beforeEach(() => {
  jest.useFakeTimers({
    now: 1_700_000_000_000,
    doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'],
  });
});
afterEach(() => {
  for (const lane of lanes.splice(0)) lane.close();
  jest.useRealTimers();
});

describe('the fast lane', () => {
  it('answers with Date, Connection and Keep-Alive like node:http', async () => {
    const { connect, waiting } = laneWith();
    const socket = connect();
    socket.receive(PLAIN);
    await turns();
    waiting[0]?.failed('no');
    await turns();
    expect(socket.text).toBe(
      'HTTP/1.1 400 Bad Request\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n' +
        'Date: Tue, 14 Nov 2023 22:13:20 GMT\r\nConnection: keep-alive\r\nKeep-Alive: timeout=65\r\n\r\nno',
    );
    jest.setSystemTime(1_700_000_001_000);
    socket.receive(PLAIN);
    await turns();
    waiting[1]?.failed('no');
    await turns();
    expect(socket.text).toContain('Date: Tue, 14 Nov 2023 22:13:21 GMT');
  });

  it('closes a connection that has been idle too long, not one that waits for its answer', async () => {
    const { lane, connect, waiting } = laneWith({ keepAliveTimeoutMs: 5_000 });
    const [idle, active, served] = [connect(), connect(), connect()];
    served.receive(PLAIN);
    await turns();
    jest.advanceTimersByTime(4_000);
    active.receive(PLAIN);
    await turns();
    waiting[1]?.failed('no');
    jest.advanceTimersByTime(3_000);
    await turns();
    expect([idle.destroyed, active.destroyed, served.destroyed, lane.size]).toEqual([true, false, false, 2]);
  });

  it('leaves a request that does not become complete to node:http and its timeouts, however slowly it comes', async () => {
    const { lane, connect, handed } = laneWith({ partialTimeoutMs: 2_000 });
    const slow = connect();
    for (const character of PLAIN.slice(0, 3)) {
      slow.receive(character);
      await turns();
      expect(handed).toEqual([]);
      jest.advanceTimersByTime(1_000);
    }
    expect(handed).toEqual([slow]);
    expect([slow.destroyed, lane.size]).toEqual([false, 0]);
  });

  it('closes a connection whose client has not taken its answers for too long', async () => {
    const { connect, waiting, handed } = laneWith({ keepAliveTimeoutMs: 5_000 });
    const socket = connect();
    socket.setTaking(false);
    socket.receive(PLAIN);
    await turns();
    waiting[0]?.failed('no'.repeat(100_000));
    socket.receive(PLAIN);
    await turns();
    jest.advanceTimersByTime(7_000);
    expect([waiting.length, handed.length, socket.destroyed]).toEqual([1, 0, true]);
  });

  it('stopIntake: idle ones are closed, the served one after its answer, the arriving one and new ones belong to node:http', async () => {
    const { lane, connect, waiting, handed } = laneWith();
    const [idle, served, arriving] = [connect(), connect(), connect()];
    served.receive(PLAIN);
    arriving.receive(PLAIN.slice(0, 10));
    await turns();
    lane.stopIntake();
    const late = connect();
    await turns();
    expect([idle.destroyed, served.destroyed, handed]).toEqual([true, false, [arriving, late]]);
    waiting[0]?.failed('no');
    await served.gone;
    expect(served.text).toMatch(/\r\nConnection: close\r\n\r\nno$/);
    expect(lane.size).toBe(0);
    lane.stopIntake();
  });

  it('close cuts every connection, whatever it is doing, and may come twice', async () => {
    const { lane, connect, waiting } = laneWith();
    const sockets = [connect(), connect(), connect()];
    sockets[1]?.receive(PLAIN);
    sockets[2]?.receive(PLAIN.slice(0, 10));
    await turns();
    lane.close();
    lane.close();
    await turns();
    expect(sockets.map((socket) => socket.destroyed)).toEqual([true, true, true]);
    expect(lane.size).toBe(0);
    expect(() => waiting[0]?.failed('no')).not.toThrow();
    expect(jest.getTimerCount()).toBe(0);
  });
});
