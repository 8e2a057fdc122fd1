import type { AddressInfo } from 'node:net';
import { createServer } from 'node:http';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { CouponSagaService, LockCouponRequest } from '@coupon/contracts';
import type { Dtm } from '@coupon/testing';
import express from 'express';
import { DtmClient, createHttpBranches, grpcBranch } from '../../src';
import type { Saga, SagaOptions } from '../../src';
import type { ScriptedBusiness } from './scripted-business';

/** One protocol's participant and client, as the conformance suite uses them. */
export interface Participant {
  readonly client: DtmClient<never>;
  readonly metadataOf: (gid: string) => string | undefined;
  /** A saga of so many steps, each with the text as part of its payload. */
  saga(gid: string, steps: number, options?: SagaOptions, text?: string): Saga<never>;
  /** The text of a payload as the branch has received it. */
  textOf(payload: unknown): string;
  stop(): Promise<void>;
}

const HEADER = 'x-shop';

export async function startHttpParticipant(business: ScriptedBusiness, dtm: Dtm): Promise<Participant> {
  const headers = new Map<string, string>();
  const app = express();
  app.use((request, _response, next) => {
    const gid = new URL(request.originalUrl, 'http://branch').searchParams.get('gid') ?? '';
    headers.set(gid, request.get(HEADER) ?? '');
    next();
  });
  app.use(
    createHttpBranches(
      [
        { op: 'action', path: '/act', handle: (branch, payload) => business.action(branch, payload) },
        { op: 'compensate', path: '/undo', handle: (branch, payload) => business.compensation(branch, payload) },
      ],
      { onFault: () => undefined },
    ),
  );
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, dtm.participantHost, resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = DtmClient.overHttp({ url: dtm.url, minRetryIntervalS: 1 });
  return {
    client,
    metadataOf: (gid) => headers.get(gid),
    saga: (gid, steps, options = {}, text = '') => ({
      gid,
      steps: times(steps, { action: `${base}/act`, compensate: `${base}/undo`, payload: { text } as never }),
      options,
    }),
    textOf: (payload) => (payload as { text: string }).text,
    stop: async () => {
      client.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export async function startGrpcParticipant(business: ScriptedBusiness, dtm: Dtm): Promise<Participant> {
  const headers = new Map<string, string>();
  const server = new Server();
  const onFault = (): void => undefined;
  const act = grpcBranch<LockCouponRequest, object>({
    op: 'action',
    handle: (branch, request) => business.action(branch, request.orderSn),
    reply: () => ({}),
    onFault,
  });
  const undo = grpcBranch<{ orderSn: string }, object>({
    op: 'compensate',
    handle: (branch, request) => business.compensation(branch, request.orderSn),
    reply: () => ({}),
    onFault,
  });
  server.addService(CouponSagaService, {
    lockUserCoupon: (call: Parameters<typeof act>[0], callback: Parameters<typeof act>[1]) => {
      headers.set(String(call.metadata.get('dtm-gid')[0]), String(call.metadata.get(HEADER)[0] ?? ''));
      act(call, callback);
    },
    unlockUserCoupon: undo,
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${dtm.participantHost}:0`, ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const service = `127.0.0.1:${port}/coupon.v1.CouponSaga`;
  const client = DtmClient.overGrpc({ url: dtm.url, grpcAddress: dtm.grpcAddress, minRetryIntervalS: 1 });
  return {
    client: client as unknown as DtmClient<never>,
    metadataOf: (gid) => headers.get(gid),
    saga: (gid, steps, options = {}, text = '') => ({
      gid,
      steps: times(steps, {
        action: `${service}/LockUserCoupon`,
        compensate: `${service}/UnlockUserCoupon`,
        payload: LockCouponRequest.encode(LockCouponRequest.fromPartial({ orderSn: text })).finish() as never,
      }),
      options,
    }),
    textOf: (payload) => payload as string,
    stop: async () => {
      client.close();
      server.forceShutdown();
    },
  };
}

function times<T>(count: number, value: T): T[] {
  return Array.from({ length: count }, () => value);
}
