import { choosePorts } from './choose-ports';

const next = (): (() => Promise<number>) => {
  let port = 30_000;
  return () => Promise.resolve(port++);
};

describe('choosePorts', () => {
  it('gives the first instance the ports of the reference when both are free', async () => {
    const ports = await choosePorts({
      counts: { 'seckill-gateway': 2, 'seckill-worker': 1 },
      preferDefaults: true,
      isFree: () => Promise.resolve(true),
      next: next(),
    });
    expect(ports['seckill-gateway']).toEqual([
      { http: 8083, grpc: 9083 },
      { http: 30_000, grpc: 30_001 },
    ]);
    expect(ports['seckill-worker']).toEqual([{ http: 8058, grpc: undefined }]);
    expect(ports['coupon-admin']).toEqual([]);
  });

  it('takes two others when one of the two is taken', async () => {
    const ports = await choosePorts({
      counts: { 'coupon-admin': 1 },
      preferDefaults: true,
      isFree: (port) => Promise.resolve(port !== 9056),
      next: next(),
    });
    expect(ports['coupon-admin']).toEqual([{ http: 30_000, grpc: 30_001 }]);
  });
});
