import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * The floor: a bare node:http server that reads a purchase, parses it, and always gives the same answer, a win of a real gateway. It asks
 * nobody, remembers nothing, checks nothing. Argument 1: the body.
 */
const body = process.argv[2] ?? '{}';
const headers = { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': Buffer.byteLength(body) };

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    JSON.parse(chunks.length === 1 ? String(chunks[0]) : String(Buffer.concat(chunks)));
    response.writeHead(200, headers);
    response.end(body);
  });
});
server.listen(0, '127.0.0.1', () => process.send?.({ ready: true, port: (server.address() as AddressInfo).port }));
process.on('disconnect', () => process.exit(0));
