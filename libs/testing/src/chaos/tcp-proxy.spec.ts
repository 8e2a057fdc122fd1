import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { eventually } from '../eventually';
import { TcpProxy } from './tcp-proxy';

describe('TcpProxy', () => {
  let server: Server;
  let proxy: TcpProxy;
  let received = '';
  const clients: Socket[] = [];

  beforeEach(async () => {
    received = '';
    server = createServer((socket) => {
      socket.on('error', () => undefined); // connections are cut on purpose
      socket.on('data', (bytes) => {
        received += bytes.toString();
        socket.write(`echo ${bytes.toString()}`);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    proxy = await TcpProxy.start({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await proxy.stop();
    await new Promise((resolve) => server.close(resolve));
  });

  function open(): { socket: Socket; answers: string[]; closed: () => boolean } {
    const socket = connect(proxy.port, '127.0.0.1');
    const answers: string[] = [];
    clients.push(socket);
    socket.on('error', () => undefined); // connections are cut on purpose
    socket.on('data', (bytes) => answers.push(bytes.toString()));
    return { socket, answers, closed: () => socket.destroyed };
  }

  it('passes bytes both ways', async () => {
    const client = open();
    client.socket.write('hello');
    await eventually(() => expect(client.answers).toEqual(['echo hello']));
  });

  it('drop-replies: the request arrives, the answer does not', async () => {
    const client = open();
    client.socket.write('one');
    await eventually(() => expect(client.answers).toEqual(['echo one']));
    proxy.setMode('drop-replies');
    client.socket.write('two');
    await eventually(() => expect(received).toBe('onetwo'));
    await eventually(() => proxy.droppedBytes === 'echo two'.length);
    expect(client.answers).toEqual(['echo one']);
  });

  it('delays what is sent, in order, and delivers it although the client has hung up', async () => {
    const client = open();
    client.socket.write('one');
    await eventually(() => expect(client.answers).toEqual(['echo one']));
    const startedMs = performance.now();
    proxy.setDelay(() => 150);
    client.socket.write('two');
    await new Promise((resolve) => setImmediate(resolve));
    client.socket.write('three');
    await eventually(() => expect(received).toMatch(/^onetwo/));
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(145);
    proxy.setDelay(() => 0);
    client.socket.end('four', () => client.socket.destroy());
    await eventually(() => expect(received).toBe('onetwothreefour'));
    await eventually(() => expect(proxy.connections).toBe(0));
  });

  it('leaves open connections their delay when only new ones are to have another', async () => {
    const early = open();
    early.socket.write('one');
    await eventually(() => expect(early.answers).toEqual(['echo one']));
    proxy.setDelay(() => 60_000, { openOnesKeepTheirs: true });
    const slow = open();
    slow.socket.write('never');
    early.socket.write('two');
    await eventually(() => expect(received).toBe('onetwo'));
    proxy.setDelay(() => 0);
  });

  it('half-open: connections stay up and no byte arrives', async () => {
    proxy.setMode('half-open');
    const client = open();
    client.socket.write('hello');
    await eventually(() => proxy.droppedBytes === 'hello'.length);
    expect({ received, closed: client.closed(), open: proxy.connections }).toEqual({
      received: '',
      closed: false,
      open: 1,
    });
  });

  it('refuse: new connections are closed, and accepted again afterwards', async () => {
    proxy.setMode('refuse');
    const refused = open();
    await eventually(refused.closed);
    proxy.setMode('pass');
    const client = open();
    client.socket.write('again');
    await eventually(() => expect(client.answers).toEqual(['echo again']));
  });

  it('cut: open connections end, the next one works', async () => {
    const client = open();
    client.socket.write('hello');
    await eventually(() => client.answers.length === 1);
    proxy.cut();
    await eventually(client.closed);
    const next = open();
    next.socket.write('x');
    await eventually(() => expect(next.answers).toEqual(['echo x']));
  });

  it('gives the same URL through the proxy', async () => {
    const inFront = await TcpProxy.inFrontOf(`redis://user:pass@127.0.0.1:${(server.address() as AddressInfo).port}/3`);
    expect(inFront.url).toBe(`redis://user:pass@127.0.0.1:${inFront.port}/3`);
    await inFront.stop();
  });
});
