import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { PortAllocator, portIsFree } from './ports';

describe('PortAllocator', () => {
  it('skips ports in use and never gives the same port twice', async () => {
    const numbers = [0, 0, 0.5, 0.5, 0.9];
    const taken = new Set([22_000]);
    const ports = new PortAllocator(
      () => numbers.shift() ?? 0.99,
      async (port) => !taken.has(port),
    );
    expect([await ports.next(), await ports.next()]).toEqual([27_000, 31_000]);
  });

  it('stays below the ports the system gives to outgoing connections', async () => {
    const ports = new PortAllocator(
      () => 0.999999,
      async () => true,
    );
    expect(await ports.next()).toBeLessThan(32_768);
  });

  it('sees a port that somebody listens on', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    expect(await portIsFree(port)).toBe(false);
    await new Promise((resolve) => server.close(resolve));
    expect(await portIsFree(port)).toBe(true);
  });
});
