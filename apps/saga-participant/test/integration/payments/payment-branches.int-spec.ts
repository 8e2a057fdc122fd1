import { Metadata, credentials, status } from '@grpc/grpc-js';
import type { Client, ServiceError } from '@grpc/grpc-js';
import { CancelPaymentRequest, CreatePaymentRequest, PaymentSagaClient, RefundPaymentRequest } from '@coupon/contracts';
import { useMysqlDatabase } from '@coupon/testing';
import { BRANCHES } from '../../../src/branches/catalogue';
import { createPaymentModule } from '../../../src/payments/payments.module';
import { ArbiterDouble, PaymentScenario } from '../../support/payment-scenario';
import { migrateShop, startService } from '../../support/service-under-test';
import type { ServiceUnderTest } from '../../support/service-under-test';

const BRANCH_SECRET = 'a secret of the coordinator';
type BranchName = keyof typeof BRANCHES.payments;
type Op = 'action' | 'compensate';
/** `success`, the code of a refusal, or the status of anything else. */
type Answer = string;

interface Call {
  readonly gid: string;
  /** The step's; its action and compensation share it. @default 01 */
  readonly branchId?: string;
  readonly op: Op;
  /** Whose address is called. */
  readonly name: BranchName;
  /** The message of the step: as DTM does, a compensation gets the request of its action. */
  readonly request: CreatePaymentRequest | CancelPaymentRequest | RefundPaymentRequest;
  readonly of: BranchName;
  readonly secret?: string | null;
}

const MESSAGES = { create: CreatePaymentRequest, cancel: CancelPaymentRequest, refund: RefundPaymentRequest } as const;
type Codec = { toJSON(request: unknown): unknown; encode(request: unknown): { finish(): Uint8Array } };

describe('branches of payments', () => {
  const database = useMysqlDatabase({ migrate: migrateShop });
  const scenario = new PaymentScenario(database);
  let service: ServiceUnderTest;
  let client: PaymentSagaClient;
  let next = 0;

  beforeAll(async () => {
    await scenario.prepare();
    service = await startService({
      environment: { SHOP_MYSQL_URL: database.url, BRANCH_SECRET },
      modules: (context) => [createPaymentModule(context, { arbiter: new ArbiterDouble() })],
    });
    client = new PaymentSagaClient(service.grpc, credentials.createInsecure());
  });

  afterAll(async () => {
    client.close();
    await service.close();
  });

  /** As DTM calls over HTTP. */
  async function overHttp(call: Call): Promise<Answer> {
    const { gid, branchId = '01', op, name, request, of, secret = BRANCH_SECRET } = call;
    const query = new URLSearchParams({ gid, branch_id: branchId, op, trans_type: 'saga' });
    const path = `/dtm${BRANCHES.payments[name].path}${op === 'compensate' ? '/compensate' : ''}`;
    const response = await fetch(`${service.http}${path}?${query.toString()}`, {
      method: 'POST',
      body: JSON.stringify((MESSAGES[of] as Codec).toJSON(request)),
      headers: { 'content-type': 'application/json', ...(secret === null ? {} : { 'x-branch-secret': secret }) },
    });
    const body = (await response.json()) as { code?: string };
    if (response.status === 200) return 'success';
    return response.status === 409 ? (body.code ?? '') : String(response.status);
  }

  /** As DTM calls over gRPC: the bytes of the step's message go to whatever method the address names. */
  async function overGrpc(call: Call): Promise<Answer> {
    const { gid, branchId = '01', op, name, request, of, secret = BRANCH_SECRET } = call;
    const metadata = new Metadata();
    const identity = { 'dtm-gid': gid, 'dtm-branch_id': branchId, 'dtm-op': op, 'dtm-trans_type': 'saga' };
    for (const [key, value] of Object.entries(identity)) metadata.set(key, value);
    if (secret !== null) metadata.set('x-branch-secret', secret);
    const bytes = Buffer.from((MESSAGES[of] as Codec).encode(request).finish());
    return new Promise((resolve) => {
      (client as Client).makeUnaryRequest(
        BRANCHES.payments[name].rpc.path,
        (each: Buffer) => each,
        (each: Buffer) => each,
        bytes,
        metadata,
        (error) =>
          resolve(error === null ? 'success' : error.code === status.ABORTED ? error.details : String(error.code)),
      );
    });
  }

  function aCreate(changes: Partial<CreatePaymentRequest> = {}): CreatePaymentRequest {
    next += 1;
    const numbers = { orderSn: `b-${next}`, userId: '1001', paymentSn: `bp-${next}` };
    return { ...numbers, originalMinor: '10000', discountMinor: '2000', finalMinor: '8000', ...changes };
  }

  describe.each([
    ['HTTP', overHttp],
    ['gRPC', overGrpc],
  ] as const)('over %s', (transport, dtm) => {
    const gidOf = (request: { orderSn: string }): string => `${transport}-checkout-${request.orderSn}`;
    const step = (request: CreatePaymentRequest, op: Op): Call => ({
      gid: gidOf(request),
      ...{ op, name: op === 'action' ? 'create' : 'cancel', request, of: 'create' },
    });

    it('opens a payment once, however often it is called', async () => {
      const request = aCreate();
      expect(await Promise.all([1, 2, 3].map(() => dtm(step(request, 'action'))))).toEqual(Array(3).fill('success'));
      expect(await database.query('SELECT * FROM payments WHERE order_sn = ?', [request.orderSn])).toMatchObject([
        { payment_sn: request.paymentSn, user_id: '1001', amount: '80.00', status: 'CREATED', provider_ref: null },
      ]);
    });

    it('opens a payment of nothing as not required', async () => {
      const request = aCreate({ finalMinor: '0' });
      expect(await dtm(step(request, 'action'))).toBe('success');
      expect(await scenario.state(request.orderSn)).toMatchObject({ payment: 'NOT_REQUIRED' });
    });

    it('cancels by the request of the create, whose second field is another', async () => {
      const request = aCreate();
      await dtm(step(request, 'action'));
      expect(await dtm(step(request, 'compensate'))).toBe('success');
      expect(await dtm(step(request, 'compensate'))).toBe('success');
      expect(await scenario.state(request.orderSn)).toMatchObject({ payment: 'CANCELLED' });
    });

    it('compensates what never was, and refuses the create that comes after it', async () => {
      const request = aCreate();
      expect(await dtm(step(request, 'compensate'))).toBe('success');
      expect(await dtm(step(request, 'action'))).toBe('ALREADY_COMPENSATED');
      expect(await scenario.state(request.orderSn)).toMatchObject({ payment: undefined });
    });

    it('leaves money that has come where it is, and a decline and a payment of nothing, too', async () => {
      for (const state of ['CAPTURED', 'DECLINED', 'NOT_REQUIRED', 'REFUNDED']) {
        const { orderSn, paymentSn } = await scenario.order(state);
        const request = { orderSn, paymentSn };
        const gid = `${transport}-cancel-${orderSn}`;
        expect(await dtm({ gid, op: 'action', name: 'cancel', request, of: 'cancel' })).toBe('success');
        expect(await scenario.state(orderSn)).toMatchObject({ payment: state });
      }
    });

    it('cancels as an action, also where there is no payment', async () => {
      const { orderSn, paymentSn } = await scenario.order();
      const cancel = (request: CancelPaymentRequest): Promise<Answer> =>
        dtm({ gid: `${transport}-cancel-${request.orderSn}`, op: 'action', name: 'cancel', request, of: 'cancel' });
      expect(await cancel({ orderSn, paymentSn })).toBe('success');
      expect(await cancel({ orderSn: `none-${transport}`, paymentSn: '' })).toBe('success');
      expect(await scenario.state(orderSn)).toMatchObject({ payment: 'CANCELLED' });
    });

    it('gives captured money back once, whatever saga and number asks for it', async () => {
      const { orderSn, paymentSn } = await scenario.order('CAPTURED');
      const refund = (gid: string): Promise<Answer> =>
        dtm({
          ...{ gid, op: 'action', name: 'refund', of: 'refund' },
          request: { orderSn, paymentSn, refundSn: gid, reason: 'USER_REFUND' },
        });
      const gid = `${transport}-refund-${paymentSn}`;
      expect(await Promise.all([refund(gid), refund(gid), refund(`${gid}-2`)])).toEqual(Array(3).fill('success'));
      const state = await scenario.state(orderSn);
      expect([state.payment, state.refunds]).toEqual(['REFUNDED', [`USER_REFUND first-${paymentSn} 80.00`]]);
    });

    it('gives nothing back where nothing was captured', async () => {
      for (const status of ['CREATED', 'DECLINED', 'CANCELLED', 'NOT_REQUIRED']) {
        const { orderSn, paymentSn } = await scenario.order(status);
        const request = { orderSn, paymentSn, refundSn: `r-${orderSn}`, reason: '' };
        const gid = `${transport}-refund-${orderSn}`;
        expect(await dtm({ gid, op: 'action', name: 'refund', request, of: 'refund' })).toBe('success');
        expect(await scenario.state(orderSn)).toMatchObject({ payment: status, refunds: [] });
      }
    });

    it('refuses a payment that is not the order’s, and an order with another payment', async () => {
      const existing = await scenario.order();
      const request = { ...aCreate(), orderSn: existing.orderSn };
      expect(await dtm(step(request, 'action'))).toBe('CONFLICT');
      const stolen = aCreate({ paymentSn: existing.paymentSn });
      expect(await dtm(step(stolen, 'action'))).toBe('CONFLICT');
      const refund = { orderSn: existing.orderSn, paymentSn: 'another', refundSn: 'r', reason: 'R' };
      const gid = `${transport}-foreign-${existing.orderSn}`;
      expect(await dtm({ gid, op: 'action', name: 'refund', request: refund, of: 'refund' })).toBe('CONFLICT');
      expect(await scenario.state(stolen.orderSn)).toMatchObject({ payment: undefined });
    });

    it('refuses to go on with a payment that can no longer be made', async () => {
      for (const status of ['CANCELLED', 'DECLINED', 'REFUNDED']) {
        const { orderSn, paymentSn } = await scenario.order(status);
        expect(await dtm(step(aCreate({ orderSn, paymentSn }), 'action'))).toBe('CONFLICT');
      }
    });

    it.each<Partial<CreatePaymentRequest>>([
      { orderSn: 'x'.repeat(65) },
      { orderSn: 'order-Failure-1' },
      { orderSn: '' },
      { paymentSn: 'with space' },
      { userId: '0' },
      { finalMinor: '-1' },
      { finalMinor: '10000000000' },
    ])('refuses %o for good and writes nothing', async (changes) => {
      const request = aCreate(changes);
      const gid = `${transport}-bad-${next}`;
      expect(await dtm({ gid, op: 'action', name: 'create', request, of: 'create' })).toBe('INVALID_ARGUMENT');
      expect(await database.query('SELECT 1 FROM barrier WHERE gid = ?', [gid])).toEqual([]);
    });

    it('does nothing for callers that do not know the coordinator’s secret, and rolls no saga back because of it', async () => {
      const request = aCreate();
      const notReady = transport === 'HTTP' ? '425' : '9';
      for (const secret of [null, 'a guess of 16 characters']) {
        for (const op of ['action', 'compensate'] as const) {
          expect(await dtm({ ...step(request, op), secret })).toBe(notReady);
        }
      }
      expect(await scenario.state(request.orderSn)).toMatchObject({ payment: undefined });
    });
  });

  describe('as plain calls', () => {
    const call = <Request, Response>(
      method: (request: Request, callback: (error: ServiceError | null, response: Response) => void) => unknown,
      request: Request,
    ): Promise<Response | string> =>
      new Promise((resolve) => {
        method.call(client, request, (error, response) => {
          resolve(error === null ? response : `${error.code} ${String(error.metadata.get('x-error-code')[0])}`);
        });
      });
    const create = (request: CreatePaymentRequest) => call(client.createPaymentWithDiscount, request);

    it('are idempotent by the order and give the payment as it is now', async () => {
      const request = aCreate();
      const { paymentSn, orderSn } = request;
      const answers = await Promise.all([1, 2, 3, 4].map(() => create(request)));
      expect(answers).toEqual(Array(4).fill({ paymentSn, status: 'CREATED' }));
      for (let time = 0; time < 2; time += 1) {
        expect(await call(client.cancelPaymentOrder, { orderSn, paymentSn })).toEqual({});
        expect(await create(request)).toEqual({ paymentSn, status: 'CANCELLED' });
      }
    });

    it('refuse another request for the same order with the code that other interfaces have', async () => {
      const request = aCreate();
      await create(request);
      expect(await create({ ...request, finalMinor: '7999' })).toBe('9 CONFLICT');
      expect(await create({ ...request, userId: '1002' })).toBe('9 CONFLICT');
      expect(await create({ ...request, orderSn: 'ongoing' })).toBe('3 INVALID_ARGUMENT');
    });

    it('give money back once', async () => {
      const { orderSn, paymentSn } = await scenario.order('CAPTURED');
      const request = { orderSn, paymentSn, refundSn: 'plain-1', reason: '' };
      const answers = await Promise.all([1, 2, 3].map(() => call(client.refundPayment, request)));
      expect(answers).toEqual([{}, {}, {}]);
      expect((await scenario.state(orderSn)).refunds).toEqual([`REFUND first-${paymentSn} 80.00`]);
    });
  });
});
