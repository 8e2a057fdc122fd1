import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Metadata } from '@grpc/grpc-js';
import type { ServerUnaryCall, ServiceError } from '@grpc/grpc-js';
import express from 'express';
import { NOT_READY, SUCCESS, createHttpBranches, grpcBranch, refused } from '..';
import type { ActionOutcome, BranchIdentity } from '..';
import { readBranchQuery } from './branch-identity';

const IDENTITY = 'gid=checkout-1&trans_type=saga&branch_id=01&op=action';
const MAGIC = /FAILURE|ONGOING/;

describe('identity of a branch', () => {
  const read = (query: string): unknown => readBranchQuery(new URLSearchParams(query));

  it('is absent without any of its parts, and malformed with the first part that is wrong', () => {
    expect(read('')).toEqual({ kind: 'absent' });
    expect(read('shop=a')).toEqual({ kind: 'absent' });
    expect(read(IDENTITY)).toEqual({
      kind: 'branch',
      branch: { gid: 'checkout-1', transType: 'saga', branchId: '01', op: 'action' },
    });
    for (const [part, value] of [
      ['gid', 'a;b'],
      ['gid', 'a'.repeat(129)],
      ['gid', ''],
      ['trans_type', 'msg'],
      ['branch_id', '1'],
      ['branch_id', 'x1'],
      ['op', 'confirm'],
    ] as const) {
      const query = new URLSearchParams(IDENTITY);
      query.set(part, value);
      expect(read(query.toString())).toEqual({ kind: 'malformed', field: part });
    }
  });
});

describe('HTTP branches', () => {
  let server: Server;
  let base: string;
  let handle: (branch: BranchIdentity, payload: unknown) => Promise<ActionOutcome>;
  const faults: unknown[] = [];

  beforeAll(async () => {
    const app = express().use(
      createHttpBranches(
        [
          { op: 'action', path: '/act', handle: (branch, payload) => handle(branch, payload) },
          { op: 'compensate', path: '/undo', handle: async () => SUCCESS },
        ],
        { onFault: (error) => faults.push(error) },
      ),
    );
    server = createServer(app);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    faults.length = 0;
    handle = async () => SUCCESS;
  });

  const post = async (path: string, body = '{}', type = 'application/json') => {
    const answer = await fetch(`${base}${path}`, { method: 'POST', body, headers: { 'content-type': type } });
    return { status: answer.status, body: await answer.text() };
  };

  it('answer 200, 409, 425 and 500 with fixed bodies', async () => {
    expect(await post(`/act?${IDENTITY}`)).toEqual({ status: 200, body: '{"dtm_result":"SUCCESS"}' });
    handle = async () => refused('SOLD_OUT');
    expect(await post(`/act?${IDENTITY}`)).toEqual({
      status: 409,
      body: '{"dtm_result":"FAILURE","code":"SOLD_OUT"}',
    });
    handle = async () => NOT_READY;
    expect(await post(`/act?${IDENTITY}`)).toEqual({ status: 425, body: '{"dtm_result":"ONGOING"}' });
    handle = () => Promise.reject(new Error('PAYMENT_FAILURE, ONGOING'));
    const fault = await post(`/act?${IDENTITY}`);
    expect(fault.status).toBe(500);
    expect(fault.body).not.toMatch(MAGIC);
    expect(faults).toEqual([new Error('PAYMENT_FAILURE, ONGOING')]);
  });

  it('never put a word of the protocol into a refusal', async () => {
    for (const code of ['STILL_ONGOING', 'PAYMENT_FAILURE', 'words', 'A'.repeat(65)]) {
      handle = async () => refused(code);
      expect((await post(`/act?${IDENTITY}`)).body).toBe('{"dtm_result":"FAILURE","code":"REFUSED"}');
    }
  });

  it('refuse calls that are not for them, and bodies that cannot be read', async () => {
    handle = () => Promise.reject(new Error('must not be called'));
    expect(await post('/act')).toMatchObject({ status: 409 });
    expect(await post(`/act?${IDENTITY.replace('op=action', 'op=compensate')}`)).toMatchObject({ status: 409 });
    expect(await post(`/undo?${IDENTITY}`)).toMatchObject({ status: 409 });
    expect(await post(`/act?${IDENTITY}`, '{broken')).toMatchObject({ status: 409 });
    expect(await post(`/act?${IDENTITY}`, '')).toMatchObject({ status: 409 });
    expect(await post(`/act?${IDENTITY}`, JSON.stringify('a'.repeat(70_000)))).toMatchObject({ status: 409 });
    expect(faults).toEqual([]);
  });

  it('read the body whatever type it is said to have', async () => {
    const seen: unknown[] = [];
    handle = async (_branch, payload) => {
      seen.push(payload);
      return SUCCESS;
    };
    await post(`/act?${IDENTITY}`, '{"a":"Zürich"}', 'text/plain');
    expect(seen).toEqual([{ a: 'Zürich' }]);
  });
});

describe('a gRPC branch', () => {
  const call = async (metadata: Record<string, string>, outcome: () => Promise<ActionOutcome>, plain?: boolean) => {
    const branch = grpcBranch<string, string>({
      op: 'action',
      handle: outcome,
      reply: () => 'done',
      onFault: () => undefined,
      ...(plain ? { plain: (_call, callback) => callback(null, 'plain') } : {}),
    });
    const sent = new Metadata();
    for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
    return new Promise((resolve) =>
      branch({ metadata: sent, request: 'request' } as ServerUnaryCall<string, string>, (error, value) =>
        resolve(error ? { code: (error as ServiceError).code, details: (error as ServiceError).details } : value),
      ),
    );
  };
  const DTM = { 'dtm-gid': 'a', 'dtm-trans_type': 'saga', 'dtm-branch_id': '01', 'dtm-op': 'action', 'dtm-dtm': '' };

  it('answers OK, ABORTED, FAILED_PRECONDITION and INTERNAL', async () => {
    expect(await call(DTM, async () => SUCCESS)).toBe('done');
    expect(await call(DTM, async () => refused('SOLD_OUT'))).toEqual({ code: 10, details: 'SOLD_OUT' });
    // DTM takes ABORTED with the message ONGOING for "not ready".
    expect(await call(DTM, async () => refused('ONGOING'))).toEqual({ code: 10, details: 'REFUSED' });
    expect(await call(DTM, async () => NOT_READY)).toMatchObject({ code: 9 });
    const fault = await call(DTM, () => Promise.reject(new Error('FAILURE')));
    expect(fault).toEqual({ code: 13, details: 'the branch failed' });
  });

  it('is a plain call without DTM metadata, where it may be one, and refused with half of it', async () => {
    const never = (): Promise<ActionOutcome> => Promise.reject(new Error('must not be called'));
    expect(await call({}, never, true)).toBe('plain');
    expect(await call({}, never)).toMatchObject({ code: 10 });
    expect(await call({ 'dtm-gid': 'a' }, never, true)).toMatchObject({ code: 10 });
    expect(await call({ ...DTM, 'dtm-op': 'compensate' }, never, true)).toMatchObject({ code: 10 });
  });
});
