import { randomBytes } from 'node:crypto';
import { credentials } from '@grpc/grpc-js';
import { pino } from 'pino';
import { Agent, request } from 'undici';
import { SeckillClient } from '@coupon/contracts';
import type { FlashSaleRequest, FlashSaleResponse } from '@coupon/contracts';
import type { ActivityId, TemplateId } from '@coupon/domain';
import { ActivityStore, createClaimRedis } from '@coupon/lua';
import type { PrewarmActivity } from '@coupon/lua';
import { callUnary } from '@coupon/service-kit';
import { eventually, uniqueActivityId, useRedisDatabase } from '@coupon/testing';
import { loadGatewayConfig } from '../../src/config';
import { createGateway } from '../../src/create-gateway';
import type { Gateway } from '../../src/create-gateway';

const HOUR_MS = 3_600_000;

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: {
    readonly success?: boolean;
    readonly code?: string;
    readonly message?: string;
    readonly details?: Record<string, unknown>;
    readonly claim_id?: string;
    readonly coupon_sn?: string;
    readonly coupon_sns?: string[];
    readonly remaining_count?: number;
    readonly replayed?: boolean;
  };
}

export interface GatewayFixture {
  readonly gateway: Gateway;
  readonly store: ActivityStore;
  readonly redis: ReturnType<typeof createClaimRedis>;
  readonly url: string;
  open(over?: Partial<PrewarmActivity>): Promise<ActivityId>;
  /** POST purchase with a JSON body. */
  buy(body: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** POST purchase with exactly these bytes. */
  send(body: string | Buffer, headers?: Record<string, string>): Promise<Answer>;
  get(path: string, headers?: Record<string, string>): Promise<Answer & { body: Record<string, unknown> }>;
  grpc(request: Partial<FlashSaleRequest>): Promise<FlashSaleResponse>;
  readonly client: SeckillClient;
}

/** A gateway in this process on a Redis database of its own, reached through its ports like any other. */
export function useGateway(
  environment: () => Record<string, string> = () => ({}),
  database: { readonly url: string } = useRedisDatabase(),
): GatewayFixture {
  const agent = new Agent({ connections: 256, pipelining: 1 });
  let current: { gateway: Gateway; client: SeckillClient; redis: ReturnType<typeof createClaimRedis> } | undefined;
  beforeAll(async () => {
    const config = loadGatewayConfig({
      NODE_ENV: 'test',
      AUTH_MODE: 'none',
      HTTP_HOST: '127.0.0.1',
      HTTP_PORT: '0',
      GRPC_PORT: '0',
      // Nobody listens there: coupon-admin cannot be asked.
      ADMIN_GRPC_ADDRESS: '127.0.0.1:1',
      // Buyers and gateway share this process: what the buyers take of its event loop says nothing about the gateway.
      FULL_LOAD_DELAY_MS: '60000',
      CLAIM_REDIS_URL: database.url,
      ...environment(),
    });
    const gateway = createGateway(config, pino({ level: 'silent' }));
    await gateway.lifecycle.start();
    // Not through CLAIM_REDIS_URL: that one may lead through a proxy a spec plays with.
    const redis = createClaimRedis(database.url);
    await redis.connect();
    const client = new SeckillClient(`127.0.0.1:${gateway.grpc.port}`, credentials.createInsecure());
    current = { gateway, client, redis };
    await eventually(async () => {
      expect((await fixture.get('/health/ready')).status).toBe(200);
    });
  });
  afterAll(async () => {
    current?.client.close();
    await agent.close();
    await current?.gateway.lifecycle.stop('end of the specs');
    current?.redis.disconnect();
  });
  const need = (): NonNullable<typeof current> => {
    if (current === undefined) throw new Error('used before beforeAll');
    return current;
  };
  const fixture: GatewayFixture = {
    get gateway() {
      return need().gateway;
    },
    get client() {
      return need().client;
    },
    get redis() {
      return need().redis;
    },
    get store() {
      return new ActivityStore(need().redis);
    },
    get url() {
      return `http://127.0.0.1:${need().gateway.http.port}`;
    },
    open: async (over = {}) => {
      const activity: PrewarmActivity = {
        activityId: uniqueActivityId(),
        templateId: '3' as TemplateId,
        startMs: Date.now() - HOUR_MS,
        endMs: Date.now() + HOUR_MS,
        perUserLimit: 1,
        total: 10,
        epoch: 1,
        userRatePerSecond: 0,
        ...over,
      };
      await fixture.store.prewarm(activity);
      await fixture.store.setState(activity.activityId, { to: 'open', epoch: 1 });
      return activity.activityId;
    },
    buy: (body, headers) => fixture.send(JSON.stringify(body), headers),
    send: async (body, headers = {}) => {
      const response = await request(`${fixture.url}/api/v1/seckill/purchase`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body,
        dispatcher: agent,
      });
      return {
        status: response.statusCode,
        headers: response.headers,
        body: (await response.body.json()) as Answer['body'],
      };
    },
    get: async (path, headers = {}) => {
      const response = await request(`${fixture.url}${path}`, { headers, dispatcher: agent });
      const body = (await response.body.json()) as Record<string, unknown>;
      return { status: response.statusCode, headers: response.headers, body };
    },
    grpc: (message) =>
      callUnary(
        need().client.flashSaleCoupon.bind(need().client),
        { activityId: '0', userId: '0', clientIp: '', ...message },
        { deadlineMs: 10_000 },
      ),
  };
  return fixture;
}

export const newKey = (): string => randomBytes(8).toString('hex');
