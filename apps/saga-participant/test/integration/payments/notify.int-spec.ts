import { eventually, useMysqlDatabase } from '@coupon/testing';
import { createPaymentModule } from '../../../src/payments/payments.module';
import { ArbiterDouble, PaymentScenario, notify, signatureOf } from '../../support/payment-scenario';
import { migrateShop, startService } from '../../support/service-under-test';
import type { ServiceUnderTest } from '../../support/service-under-test';

describe('notifications of the payment provider', () => {
  const database = useMysqlDatabase({ migrate: migrateShop });
  const scenario = new PaymentScenario(database);
  const arbiter = new ArbiterDouble();
  const decided: string[] = [];
  let service: ServiceUnderTest;

  beforeAll(async () => {
    await scenario.prepare();
    service = await startService({
      environment: { SHOP_MYSQL_URL: database.url },
      modules: (context) => [
        createPaymentModule(context, { arbiter, onDecided: (orderSn) => void decided.push(orderSn) }),
      ],
    });
  });

  afterAll(() => service.close());

  const succeeded = (provider_ref: string) => ({ status: 'succeeded', provider_ref });
  const failed = (provider_ref: string) => ({ status: 'failed', provider_ref });

  it('takes a success: the payment is captured, the arbiter decides in the same transaction', async () => {
    const { orderSn, paymentSn } = await scenario.order();
    expect(await notify(service.http, paymentSn, succeeded('s-1'))).toEqual({
      status: 200,
      body: { success: true, payment_sn: paymentSn, order_sn: orderSn, status: 'CAPTURED', replayed: false },
    });
    expect(await scenario.state(orderSn)).toEqual({
      ...{ order: 'SETTLING', payment: 'CAPTURED', providerRef: 's-1' },
      ...{ decisions: ['captured'], refunds: [], notifications: 1 },
    });
    expect(decided).toContain(orderSn);
  });

  it('takes a failure: the payment is declined, the arbiter decides', async () => {
    const { orderSn, paymentSn } = await scenario.order();
    expect(await notify(service.http, paymentSn, failed('f-1'))).toMatchObject({ body: { status: 'DECLINED' } });
    expect(await scenario.state(orderSn)).toMatchObject({
      ...{ order: 'CANCELLING', payment: 'DECLINED', providerRef: null, decisions: ['declined'] },
    });
  });

  it('answers a repetition as the first time, and does nothing again', async () => {
    const { orderSn, paymentSn } = await scenario.order();
    await notify(service.http, paymentSn, succeeded('again-1'));
    const before = await scenario.state(orderSn);
    expect(await notify(service.http, paymentSn, succeeded('again-1'))).toEqual({
      status: 200,
      body: { success: true, payment_sn: paymentSn, order_sn: orderSn, status: 'CAPTURED', replayed: true },
    });
    expect(await scenario.state(orderSn)).toEqual(before);
  });

  it('refuses a reference with another content, and changes nothing', async () => {
    const { orderSn, paymentSn } = await scenario.order();
    const other = await scenario.order();
    await notify(service.http, paymentSn, failed('twice-1'));
    const before = await scenario.state(orderSn);
    const conflict = { status: 409, body: { code: 'CONFLICT', details: { field: 'provider_ref' } } };
    expect(await notify(service.http, paymentSn, succeeded('twice-1'))).toMatchObject(conflict);
    expect(await notify(service.http, other.paymentSn, failed('twice-1'))).toMatchObject(conflict);
    expect(await scenario.state(orderSn)).toEqual(before);
    expect(await scenario.state(other.orderSn)).toMatchObject({ payment: 'CREATED', decisions: [], notifications: 0 });
  });

  it('takes money that comes after a decline or a cancellation to the arbiter', async () => {
    for (const status of ['DECLINED', 'CANCELLED']) {
      const { orderSn, paymentSn } = await scenario.order(status);
      expect((await notify(service.http, paymentSn, succeeded(`late-${status}`))).status).toBe(200);
      expect(await scenario.state(orderSn)).toMatchObject({
        payment: 'CAPTURED',
        decisions: ['captured'],
        refunds: [],
      });
    }
  });

  it('gives a second capture back, also of a payment that was refunded, without asking the arbiter', async () => {
    for (const status of ['CAPTURED', 'REFUNDED']) {
      const { orderSn, paymentSn } = await scenario.order(status);
      const again = await notify(service.http, paymentSn, succeeded(`second-${status}`));
      expect(again).toMatchObject({ status: 200, body: { status, replayed: false } });
      await notify(service.http, paymentSn, succeeded(`second-${status}`));
      expect(await scenario.state(orderSn)).toMatchObject({
        ...{ payment: status, providerRef: `first-${paymentSn}`, decisions: [] },
        refunds: [`DUPLICATE_CAPTURE second-${status} 80.00`],
      });
    }
  });

  it('only records a failure of a payment that is decided', async () => {
    for (const status of ['CAPTURED', 'CANCELLED', 'REFUNDED', 'DECLINED', 'NOT_REQUIRED']) {
      const { orderSn, paymentSn } = await scenario.order(status);
      expect((await notify(service.http, paymentSn, failed(`late-failure-${status}`))).status).toBe(200);
      expect(await scenario.state(orderSn)).toMatchObject({ payment: status, decisions: [], notifications: 1 });
    }
  });

  it('refuses money for a payment of nothing, and for a payment it does not know', async () => {
    const { orderSn, paymentSn } = await scenario.order('NOT_REQUIRED');
    expect(await notify(service.http, paymentSn, succeeded('free-1'))).toMatchObject({
      status: 409,
      body: { code: 'CONFLICT', details: { field: 'payment_sn' } },
    });
    expect(await scenario.state(orderSn)).toMatchObject({ payment: 'NOT_REQUIRED', notifications: 0 });
    expect(await notify(service.http, 'p-unknown', succeeded('lost-1'))).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND', details: { field: 'payment_sn' } },
    });
  });

  it('leaves nothing behind when the arbiter fails, and takes the repetition as the first', async () => {
    const { orderSn, paymentSn } = await scenario.order();
    arbiter.failure = new Error('no decision');
    expect((await notify(service.http, paymentSn, succeeded('retry-1'))).status).toBe(500);
    arbiter.failure = undefined;
    expect(await scenario.state(orderSn)).toMatchObject({ payment: 'CREATED', decisions: [], notifications: 0 });
    expect(await notify(service.http, paymentSn, succeeded('retry-1'))).toMatchObject({ body: { replayed: false } });
    expect(await scenario.state(orderSn)).toMatchObject({ payment: 'CAPTURED', decisions: ['captured'] });
  });

  describe('signature', () => {
    it.each<[string, (body: string) => string | null]>([
      ['missing', () => null],
      ['empty', () => ''],
      ['of another body', () => signatureOf('{}')],
      ['under another secret', (body) => signatureOf(body, 'another secret of 16')],
      ['too short', (body) => signatureOf(body).slice(0, -2)],
      ['too long', (body) => `${signatureOf(body)}00`],
      ['without its label', (body) => signatureOf(body).slice('sha256='.length)],
    ])('refuses a message whose signature is %s, and changes nothing', async (_name, sign) => {
      const { orderSn, paymentSn } = await scenario.order();
      const body = JSON.stringify(succeeded('forged'));
      expect(await notify(service.http, paymentSn, body, { signature: sign(body) })).toMatchObject({
        status: 401,
        body: { success: false, code: 'UNAUTHENTICATED' },
      });
      expect(await scenario.state(orderSn)).toMatchObject({ payment: 'CREATED', decisions: [], notifications: 0 });
    });

    it('accepts digits in upper case, and any white space in the body that was signed', async () => {
      const { paymentSn } = await scenario.order();
      const body = ' { "provider_ref" : "upper-1",\n "status":"failed" } ';
      const signature = `sha256=${signatureOf(body).slice(7).toUpperCase()}`;
      expect((await notify(service.http, paymentSn, body, { signature })).status).toBe(200);
    });

    it('looks at nothing before the signature: neither the body nor whether there is such a payment', async () => {
      expect((await notify(service.http, 'p-unknown', 'no json', { signature: null })).status).toBe(401);
    });
  });

  it.each<[string, unknown, string]>([
    ['no JSON', '{"status":', 'body'],
    ['an empty body', '', 'body'],
    ['a list', [], 'body'],
    ['null', 'null', 'body'],
    ['no status', { provider_ref: 'x' }, 'status'],
    ['an unknown status', { status: 'SUCCEEDED', provider_ref: 'x' }, 'status'],
    ['no reference', { status: 'failed' }, 'provider_ref'],
    ['an empty reference', { status: 'failed', provider_ref: '' }, 'provider_ref'],
    ['a reference of 129 characters', { status: 'failed', provider_ref: 'x'.repeat(129) }, 'provider_ref'],
    ['a reference with a space at its end', { status: 'failed', provider_ref: 'x ' }, 'provider_ref'],
    ['a reference with a control character', { status: 'failed', provider_ref: 'x\u0000' }, 'provider_ref'],
    ['a reference that is a number', { status: 'failed', provider_ref: 7 }, 'provider_ref'],
    ['a field too many', { status: 'failed', provider_ref: 'x', amount: '1.00' }, 'amount'],
  ])('refuses %s, naming the field', async (_name, body, field) => {
    const { orderSn, paymentSn } = await scenario.order();
    expect(await notify(service.http, paymentSn, body)).toMatchObject({
      status: 400,
      body: { success: false, code: 'INVALID_ARGUMENT', details: { field } },
    });
    expect(await scenario.state(orderSn)).toMatchObject({ payment: 'CREATED', notifications: 0 });
  });

  it.each(['p%201', 'p-FAILURE', 'x'.repeat(65)])('refuses the payment number %s', async (paymentSn) => {
    expect(await notify(service.http, paymentSn, failed('x'))).toMatchObject({
      status: 400,
      body: { details: { field: 'payment_sn' } },
    });
  });

  it('takes a reference of 128 characters', async () => {
    const { paymentSn } = await scenario.order('CAPTURED');
    expect((await notify(service.http, paymentSn, succeeded(`~${'x'.repeat(127)}`))).status).toBe(200);
  });

  describe('at the same moment', () => {
    it('captures once for twenty messages with one reference', async () => {
      const { orderSn, paymentSn } = await scenario.order();
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => notify(service.http, paymentSn, succeeded('crowd-same'))),
      );
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
      expect(answers.filter(({ body }) => body['replayed'] === false)).toHaveLength(1);
      expect(await scenario.state(orderSn)).toEqual({
        ...{ order: 'SETTLING', payment: 'CAPTURED', providerRef: 'crowd-same' },
        ...{ decisions: ['captured'], refunds: [], notifications: 1 },
      });
    });

    it('captures once for twenty references and gives the other nineteen back', async () => {
      const { orderSn, paymentSn } = await scenario.order();
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, at) => notify(service.http, paymentSn, succeeded(`crowd-${at}`))),
      );
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
      const state = await scenario.state(orderSn);
      expect(state).toMatchObject({
        order: 'SETTLING',
        payment: 'CAPTURED',
        decisions: ['captured'],
        notifications: 20,
      });
      const kept = new Set([state.providerRef, ...state.refunds.map((text) => text.split(' ')[1])]);
      expect([state.refunds.length, kept.size]).toEqual([19, 20]);
    });

    it('takes success and failure in either order: the money counts, and is seen once', async () => {
      for (let round = 0; round < 20; round += 1) {
        const { orderSn, paymentSn } = await scenario.order();
        await Promise.all([
          notify(service.http, paymentSn, succeeded(`race-s-${round}`)),
          notify(service.http, paymentSn, failed(`race-f-${round}`)),
        ]);
        const state = await scenario.state(orderSn);
        expect(state).toMatchObject({ payment: 'CAPTURED', providerRef: `race-s-${round}`, notifications: 2 });
        expect([
          ['SETTLING', 'captured'],
          ['REACQUIRING', 'declined', 'captured'],
        ]).toContainEqual([state.order, ...state.decisions]);
      }
    });

    /** Until a transaction of this database waits for a row. The table is a copy that is renewed only when nobody has read it for 0.1 s. */
    const lockWait = () =>
      eventually(
        async () => {
          const waiting = await database.query(
            `SELECT 1 FROM information_schema.innodb_trx t
             JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
             WHERE p.db = DATABASE() AND t.trx_state = 'LOCK WAIT'`,
          );
          return waiting.length > 0;
        },
        { intervalMs: 200 },
      );

    it('locks the order before the payment, as everybody does who has both', async () => {
      const { orderSn, paymentSn } = await scenario.order();
      const { sent } = await service.context.shop.client.$transaction(
        async (tx) => {
          await tx.$queryRaw`SELECT 1 FROM orders WHERE order_sn = ${orderSn} FOR UPDATE`;
          const sent = notify(service.http, paymentSn, succeeded('lock-order-1'));
          await lockWait();
          await tx.$queryRaw`SELECT 1 FROM payments WHERE payment_sn = ${paymentSn} FOR UPDATE NOWAIT`;
          return { sent };
        },
        { timeout: 20_000 },
      );
      expect((await sent).status).toBe(200);
    });

    it('decides by what a cancellation that is under way has made of the payment', async () => {
      const { orderSn, paymentSn } = await scenario.order();
      const { sent } = await service.context.shop.client.$transaction(
        async (tx) => {
          await tx.$executeRaw`UPDATE payments SET status = 'CANCELLED' WHERE order_sn = ${orderSn}`;
          const sent = notify(service.http, paymentSn, failed('lock-payment-1'));
          await lockWait();
          return { sent };
        },
        { timeout: 20_000 },
      );
      expect(await sent).toMatchObject({ status: 200, body: { status: 'CANCELLED' } });
      expect(await scenario.state(orderSn)).toMatchObject({ payment: 'CANCELLED', decisions: [] });
    });

    it('lets one of two payments have a reference that both claim', async () => {
      const [one, two] = [await scenario.order(), await scenario.order()];
      const answers = await Promise.all(
        [one, two].map(({ paymentSn }) => notify(service.http, paymentSn, succeeded('contested'))),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
      const states = await Promise.all([one, two].map(({ orderSn }) => scenario.state(orderSn)));
      expect(states.map(({ payment }) => payment).sort()).toEqual(['CAPTURED', 'CREATED']);
    });
  });
});
