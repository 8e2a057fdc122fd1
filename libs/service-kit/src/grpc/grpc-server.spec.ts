import { Client, Metadata, credentials, makeGenericClientConstructor, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { service as healthDefinition } from 'grpc-health-check';
import { SeckillClient, SeckillService, descriptorSet } from '@coupon/contracts';
import type { FlashSaleRequest, FlashSaleResponse, FlashSaleStatusResponse, SeckillServer } from '@coupon/contracts';
import { AppError, InvalidArgumentError } from '@coupon/domain';
import { createAuthenticator } from '../auth/authenticator';
import { systemClock } from '../clock';
import { Health } from '../health/health';
import type { LifecycleState } from '../lifecycle/lifecycle';
import { createLogger } from '../logging/create-logger';
import { callUnary } from './call-unary';
import { createGrpcServer, grpcService } from './grpc-server';
import type { GrpcServer } from './grpc-server';
import { authenticatedUnary, unary } from './unary';

const SECRET = 'a-secret-of-thirty-two-bytes-or-more';
const lines: string[] = [];
const logger = createLogger({ name: 'test', level: 'info', destination: { write: (line) => lines.push(line) } });
const authenticator = createAuthenticator({ mode: 'jwt', hs256Secret: SECRET });
const answer: FlashSaleResponse = {
  success: true,
  message: 'ok',
  couponSn: '',
  remainingCount: '9007199254740993',
  claimId: '',
  couponSns: [],
  replayed: false,
  code: 'OK',
  retryAfterMs: 0,
  requestId: '',
};

type Claim = (
  request: FlashSaleRequest,
  context: { signal: AbortSignal; requestId: string },
) => Promise<FlashSaleResponse>;

interface Setup {
  server: GrpcServer;
  client: SeckillClient;
  setState(state: LifecycleState): void;
}

describe('GrpcServer', () => {
  const cleanups: (() => void)[] = [];

  afterEach(() => {
    cleanups.splice(0).forEach((cleanup) => {
      cleanup();
    });
  });

  async function serve(claim: Claim): Promise<Setup> {
    let state: LifecycleState = 'RUNNING';
    const implementation: SeckillServer = {
      flashSaleCoupon: unary({ logger }, claim),
      flashSaleCouponStream: (call) => {
        call.on('data', () => call.write(answer));
        call.on('end', () => {
          call.end();
        });
      },
      getFlashSaleStatus: authenticatedUnary({ logger, authenticator, role: 'operator' }, () =>
        Promise.reject<FlashSaleStatusResponse>(new AppError('ACTIVITY_NOT_FOUND', 'no such activity')),
      ),
    };
    const server = createGrpcServer({
      host: '127.0.0.1',
      port: 0,
      services: [grpcService(SeckillService, implementation)],
      health: new Health({ clock: systemClock, state: () => state }),
      descriptors: descriptorSet(),
    });
    await server.start();
    await server.refreshHealth();
    const client = new SeckillClient(`127.0.0.1:${server.port}`, credentials.createInsecure());
    cleanups.push(() => {
      client.close();
      server.close();
    });
    return { server, client, setState: (next) => (state = next) };
  }

  const claimOver = (client: SeckillClient, deadlineMs = 2_000): Promise<FlashSaleResponse> =>
    callUnary(
      client.flashSaleCoupon.bind(client),
      { activityId: '7', userId: '9223372036854775807', clientIp: '' },
      { deadlineMs, requestId: 'req-1' },
    );

  it('answers a unary call; 64-bit numbers survive as text, the request id arrives', async () => {
    let seen: unknown;
    const { client } = await serve((request, { requestId }) => {
      seen = [request.userId, requestId, request.quantity];
      return Promise.resolve(answer);
    });
    await expect(claimOver(client)).resolves.toMatchObject({ remainingCount: '9007199254740993' });
    expect(seen).toEqual(['9223372036854775807', 'req-1', undefined]);
  });

  it('carries an AppError to the client with its code and details', async () => {
    const { client } = await serve(() => Promise.reject(InvalidArgumentError.of('quantity', 'must be at least 1')));
    const failure = await claimOver(client).catch((error: unknown) => error as AppError);
    expect(failure).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'quantity: must be at least 1',
      details: { field: 'quantity' },
      cause: { code: status.INVALID_ARGUMENT },
    });
  });

  it('tells nothing about a bug, but logs it', async () => {
    const { client } = await serve(() => Promise.reject(new TypeError('secret internals')));
    await expect(claimOver(client)).rejects.toMatchObject({ code: 'INTERNAL', message: 'internal error' });
    expect(lines.at(-1)).toContain('secret internals');
  });

  it('ends a call at its deadline as OUTCOME_UNKNOWN and tells the handler', async () => {
    let aborted: Promise<void> | undefined;
    const { client } = await serve((_request, { signal }) => {
      aborted = new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          resolve();
        });
      });
      return new Promise(() => undefined);
    });
    await expect(claimOver(client, 100)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await aborted;
  });

  it('asks for a token and for the role', async () => {
    const { client } = await serve(() => Promise.resolve(answer));
    const ask = (authorization?: string): Promise<unknown> =>
      callUnary(
        client.getFlashSaleStatus.bind(client),
        { activityId: '7' },
        { deadlineMs: 2_000, ...(authorization ? { authorization } : {}) },
      );
    await expect(ask()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    const { SignJWT } = await import('jose');
    const token = (role: string): Promise<string> =>
      new SignJWT({ sub: '1', role }).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(SECRET));
    await expect(ask(`Bearer ${await token('user')}`)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    await expect(ask(`Bearer ${await token('operator')}`)).rejects.toMatchObject({ code: 'ACTIVITY_NOT_FOUND' });
  });

  it('serves grpc.health.v1 for the server and for each service, following readiness', async () => {
    const { server, setState } = await serve(() => Promise.resolve(answer));
    const check = healthClient(server.port, cleanups);
    await expect(check('')).resolves.toBe('SERVING');
    await expect(check('coupon.v1.Seckill')).resolves.toBe('SERVING');
    await expect(check('no.such.Service')).rejects.toMatchObject({ code: status.NOT_FOUND });
    setState('STARTING');
    await server.refreshHealth();
    await expect(check('')).resolves.toBe('NOT_SERVING');
  });

  it('serves reflection with the services it has, health among them, and no others', async () => {
    const { server } = await serve(() => Promise.resolve(answer));
    const listed = await reflectedServices(server.port, cleanups);
    expect(listed).toContain('coupon.v1.Seckill');
    expect(listed).toContain('grpc.health.v1.Health');
    expect(listed).not.toContain('coupon.v1.CouponSaga');
  });

  it('drains: refuses new calls, finishes the one in hand, does not wait for a health watcher', async () => {
    let finish = (): void => undefined;
    let entered = (): void => undefined;
    const inside = new Promise<void>((resolve) => (entered = resolve));
    const { server, client } = await serve(
      () =>
        new Promise((resolve) => {
          finish = () => {
            resolve(answer);
          };
          entered();
        }),
    );
    watchHealth(server.port, cleanups);
    const inHand = claimOver(client);
    await inside;
    const drained = server.drain();
    expect(server.draining.aborted).toBe(true);
    const late = new SeckillClient(`127.0.0.1:${server.port}`, credentials.createInsecure());
    cleanups.push(() => {
      late.close();
    });
    await expect(claimOver(late)).rejects.toMatchObject({ code: 'NOT_READY' });
    finish();
    await expect(inHand).resolves.toMatchObject({ success: true });
    await drained;
  });

  it('delivers a large answer completely before the drain is over', async () => {
    let finish = (): void => undefined;
    let entered = (): void => undefined;
    const inside = new Promise<void>((resolve) => (entered = resolve));
    const message = 'x'.repeat(3_000_000);
    const { server, client } = await serve(
      () =>
        new Promise((resolve) => {
          finish = () => {
            resolve({ ...answer, message });
          };
          entered();
        }),
    );
    const inHand = claimOver(client);
    await inside;
    const ended = server.drain().then(() => {
      server.close();
    });
    finish();
    await ended;
    await expect(inHand).resolves.toMatchObject({ message });
  });

  describe('with an open stream of the app', () => {
    async function withStream(): Promise<{ server: GrpcServer; end: () => void }> {
      const { server, client } = await serve(() => Promise.resolve(answer));
      const stream = client.flashSaleCouponStream();
      stream.on('error', () => undefined);
      const first = new Promise((resolve) => stream.once('data', resolve));
      stream.write({ activityId: '7', userId: '1', clientIp: '' });
      await first;
      return { server, end: () => stream.end() };
    }

    it('waits in the drain until the stream ends', async () => {
      const { server, end } = await withStream();
      let done = false;
      const drained = server.drain().then(() => (done = true));
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(done).toBe(false);
      end();
      await drained;
    });

    it('cuts the stream when the drain is aborted', async () => {
      const { server } = await withStream();
      const abort = new AbortController();
      const drained = server.drain(abort.signal);
      abort.abort();
      await drained;
    });
  });

  it('rejects the start when the port is taken', async () => {
    const { server } = await serve(() => Promise.resolve(answer));
    // grpc-js tells standard error about it, too.
    jest.spyOn(console, 'error').mockImplementation(() => undefined);
    const second = createGrpcServer({
      host: '127.0.0.1',
      port: server.port,
      services: [],
      health: new Health({ clock: systemClock, state: () => 'RUNNING' }),
      descriptors: descriptorSet(),
    });
    await expect(second.start()).rejects.toThrow('EADDRINUSE');
    second.close();
  });
});

type HealthCall = (
  request: { service: string },
  callback: (error: ServiceError | null, reply: { status: string }) => void,
) => void;

function healthClient(port: number, cleanups: (() => void)[]): (service: string) => Promise<string> {
  const HealthClient = makeGenericClientConstructor(healthDefinition, 'Health');
  const client = new HealthClient(`127.0.0.1:${port}`, credentials.createInsecure());
  cleanups.push(() => {
    client.close();
  });
  const check = (client['Check'] as unknown as HealthCall).bind(client);
  return (service) =>
    new Promise((resolve, reject) => {
      check({ service }, (error, reply) => {
        if (error === null) resolve(reply.status);
        else reject(error);
      });
    });
}

function watchHealth(port: number, cleanups: (() => void)[]): void {
  const HealthClient = makeGenericClientConstructor(healthDefinition, 'Health');
  const client = new HealthClient(`127.0.0.1:${port}`, credentials.createInsecure());
  const watch = (client['Watch'] as unknown as (request: { service: string }) => NodeJS.EventEmitter).bind(client);
  watch({ service: '' }).on('error', () => undefined);
  cleanups.push(() => {
    client.close();
  });
}

/** ServerReflectionRequest{list_services="*"} and its answer, read without generated code: the names are plain text in it. */
function reflectedServices(port: number, cleanups: (() => void)[]): Promise<string> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  cleanups.push(() => {
    client.close();
  });
  const identity = (buffer: Buffer): Buffer => buffer;
  const stream = client.makeBidiStreamRequest<Buffer, Buffer>(
    '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    identity,
    identity,
    new Metadata(),
  );
  return new Promise((resolve, reject) => {
    stream.on('error', reject);
    stream.on('data', (reply: Buffer) => {
      stream.removeAllListeners('error').on('error', () => undefined);
      resolve(reply.toString('latin1'));
      stream.end();
    });
    stream.write(Buffer.from([0x3a, 0x01, 0x2a]));
  });
}
