import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { ServerEndpoint } from '@coupon/servers';
import { coordinatorAddresses } from './coordinator';

const dtm: ServerEndpoint = {
  kind: 'dtm',
  url: 'http://dtm:36789',
  grpcAddress: 'dtm:36790',
  flavour: 'dtm',
  version: '1.19.0',
  source: 'built',
};

describe('coordinatorAddresses', () => {
  it('keeps the branches of a coordinator of this machine on the loopback address', async () => {
    await expect(coordinatorAddresses(dtm)).resolves.toEqual({
      url: 'http://dtm:36789',
      grpcAddress: 'dtm:36790',
      branchHost: '127.0.0.1',
      listenHost: '127.0.0.1',
    });
  });

  it('lets one in a container come over any interface; it takes 127.0.0.1 for this machine', async () => {
    await expect(coordinatorAddresses({ ...dtm, source: 'docker' })).resolves.toMatchObject({
      branchHost: '127.0.0.1',
      listenHost: '0.0.0.0',
    });
  });

  it('tells one that somebody else runs the address from which it is reached', async () => {
    const elsewhere = { ...dtm, source: 'environment' } as const;
    await expect(coordinatorAddresses(elsewhere, () => Promise.resolve('10.0.0.7'))).resolves.toMatchObject({
      branchHost: '10.0.0.7',
      listenHost: '0.0.0.0',
    });
  });

  it('stays on the loopback address where that is the way to one of the environment', async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const here = { ...dtm, source: 'environment', url: `http://127.0.0.1:${port}` } as const;
    await expect(coordinatorAddresses(here)).resolves.toMatchObject({
      branchHost: '127.0.0.1',
      listenHost: '127.0.0.1',
    });
    await new Promise((resolve) => server.close(resolve));
  });

  it('refuses one without gRPC', async () => {
    const { grpcAddress: _, ...withoutGrpc } = dtm;
    await expect(coordinatorAddresses(withoutGrpc)).rejects.toThrow('no gRPC address');
  });
});
