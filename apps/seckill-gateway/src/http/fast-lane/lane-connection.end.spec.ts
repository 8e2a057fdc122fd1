import { answerWithBody, answered, laneOn, plain } from '../../../test/support/lane/lane-on';
import type { Served } from '../../../test/support/lane/lane-on';
import { turns } from '../../../test/support/lane/memory-socket';

describe('the end of a connection in the lane', () => {
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
});
