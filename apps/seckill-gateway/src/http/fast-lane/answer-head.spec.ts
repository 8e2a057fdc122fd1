import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { MemorySocket, turns } from '../../../test/support/lane/memory-socket';
import type { HttpReply } from '../claim-reply';
import { answerHead } from './answer-head';

async function writtenByNode(server: Server, { status, headers, body }: HttpReply): Promise<string> {
  server.removeAllListeners('request');
  server.on('request', (_request, response) => {
    response.writeHead(status, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(body),
      ...headers,
    });
    response.end(body);
  });
  const socket = new MemorySocket();
  server.emit('connection', socket);
  await turns(1);
  socket.receive('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await turns();
  socket.destroy();
  return socket.text;
}

describe('answerHead', () => {
  const server = createServer();

  it.each<[number, Record<string, string>, string]>([
    [200, {}, '{"success":true}'],
    [409, {}, '{"message":"ausverkauft – 完売"}'],
    [429, { 'Retry-After': '1' }, '{}'],
    [504, { 'Retry-After': '1', 'X-Other': 'a b' }, ''],
    [599, {}, '{}'],
  ])('status %i with %j is written as node writes it, up to its Date', async (status, headers, body) => {
    const reply: HttpReply = { status, headers, body };
    const written = await writtenByNode(server, reply);
    // Node says "unknown" for a status without a name of its own.
    expect(answerHead(reply).toLowerCase()).toBe(written.slice(0, written.indexOf('Date: ')).toLowerCase());
    // From memory, too.
    expect(answerHead(reply)).toBe(answerHead({ ...reply }));
  });
});
