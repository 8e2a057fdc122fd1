import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DtmClient } from './dtm-client';
import type { Saga } from './saga';

const saga = (change: Partial<Saga<unknown>> = {}): Saga<unknown> => ({
  gid: 'checkout-1',
  steps: [
    { action: 'http://shop:8057/dtm/lock', compensate: 'http://shop:8057/dtm/unlock', payload: { order_sn: 'A 1' } },
    { action: 'http://shop:8057/dtm/check', payload: 7 },
  ],
  ...change,
});

/** Answers as DTM would, or as badly as the test wants. */
class FakeDtm {
  /** Status by gid, as DTM stores it. */
  readonly stored = new Map<string, string>();
  readonly submitted: Record<string, unknown>[] = [];
  onSubmit: (body: { gid: string }) => { status: number; body: object } | 'cut' = ({ gid }) => {
    this.stored.set(gid, 'submitted');
    return { status: 200, body: { dtm_result: 'SUCCESS' } };
  };
  queryStatus = 200;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://dtm');
    if (pathname === '/api/dtmsvr/query') {
      const status = this.stored.get(searchParams.get('gid') ?? '');
      const transaction = status === undefined ? null : { status, rollback_reason: 'url:… return failed' };
      response.writeHead(this.queryStatus).end(JSON.stringify({ transaction, branches: [] }));
      return;
    }
    const body = JSON.parse(text) as { gid: string };
    this.submitted.push({ path: pathname, ...body });
    const answer = this.onSubmit(body);
    if (answer === 'cut') request.socket.destroy();
    else response.writeHead(answer.status).end(JSON.stringify(answer.body));
  }
}

describe('DtmClient', () => {
  let dtm: FakeDtm;
  let client: DtmClient<unknown>;

  beforeEach(async () => {
    dtm = new FakeDtm();
    client = DtmClient.overHttp({ url: await dtm.start(), timeoutMs: 1000 });
  });
  afterEach(async () => {
    client.close();
    await dtm.stop();
  });

  it('sends what DTM understands, and leaves out what is not asked for', async () => {
    await client.submit(saga());
    expect(dtm.submitted).toEqual([
      {
        path: '/api/dtmsvr/submit',
        gid: 'checkout-1',
        trans_type: 'saga',
        steps: [
          { action: 'http://shop:8057/dtm/lock', compensate: 'http://shop:8057/dtm/unlock' },
          { action: 'http://shop:8057/dtm/check', compensate: '' },
        ],
        payloads: ['{"order_sn":"A 1"}', '7'],
        wait_result: false,
      },
    ]);
  });

  it('sends the options of a saga', async () => {
    const [first] = saga().steps;
    await client.submit(
      saga({
        steps: first ? [first, first] : [],
        options: {
          waitResult: true,
          retryIntervalS: 7,
          timeoutToFailS: 60,
          requestTimeoutS: 5,
          branchHeaders: { traceparent: '00-1' },
          concurrent: { orders: { 1: [0] } },
          customData: { shop: 'a' },
        },
      }),
    );
    expect(dtm.submitted[0]).toMatchObject({
      wait_result: true,
      retry_interval: 7,
      timeout_to_fail: 60,
      request_timeout: 5,
      branch_headers: { traceparent: '00-1' },
      custom_data: '{"shop":"a","concurrent":true,"orders":{"1":[0]}}',
    });
  });

  it.each([
    ['submitted', { kind: 'running' }],
    ['aborting', { kind: 'rolling-back', reason: 'url:… return failed' }],
    ['succeed', { kind: 'succeeded' }],
    ['failed', { kind: 'failed', reason: 'url:… return failed' }],
  ])('never submits again what DTM has as %s', async (status, state) => {
    dtm.stored.set('checkout-1', status);
    expect(await client.submit(saga())).toEqual(state);
    expect(dtm.submitted).toEqual([]);
  });

  it('starts what is only prepared', async () => {
    dtm.stored.set('checkout-1', 'prepared');
    expect(await client.submit(saga())).toEqual({ kind: 'running' });
  });

  it.each([
    [409, 'wait result not return success: FAILURE', 'submitted', 'running'],
    [409, "current status 'succeed', cannot sumbmit. FAILURE", 'succeed', 'succeeded'],
    [409, 'url:… return failed: SOLD_OUT FAILURE', 'failed', 'failed'],
    [500, 'dtm panic: storage: NotFound', 'aborting', 'rolling-back'],
  ])('believes the query, not the %d "%s"', async (status, message, stored, kind) => {
    dtm.onSubmit = ({ gid }) => {
      dtm.stored.set(gid, stored);
      return { status, body: { message } };
    };
    expect(await client.submit(saga())).toMatchObject({ kind });
  });

  it('does not believe a 200 for what is not stored, and submits the same saga again when it is asked to', async () => {
    const store = dtm.onSubmit;
    dtm.onSubmit = () => ({ status: 200, body: { dtm_result: 'SUCCESS' } });
    await expect(client.submit(saga())).rejects.toMatchObject({
      code: 'SAGA_OUTCOME_UNKNOWN',
      gid: 'checkout-1',
      message: 'saga checkout-1: sent, but not stored (DTM accepted it)',
    });
    dtm.onSubmit = store;
    expect(await client.submit(saga())).toEqual({ kind: 'running' });
    expect(dtm.submitted.map(({ gid }) => gid)).toEqual(['checkout-1', 'checkout-1']);
  });

  it('knows what became of a submit whose reply was lost', async () => {
    dtm.onSubmit = ({ gid }) => {
      dtm.stored.set(gid, 'submitted');
      return 'cut';
    };
    expect(await client.submit(saga())).toEqual({ kind: 'running' });
  });

  it('says that nobody knows when the reply is lost and the query is not answered', async () => {
    dtm.onSubmit = () => {
      dtm.queryStatus = 500;
      return 'cut';
    };
    await expect(client.submit(saga())).rejects.toMatchObject({
      code: 'SAGA_OUTCOME_UNKNOWN',
      cause: { code: 'DTM_UNAVAILABLE' },
    });
  });

  it('sends nothing when it cannot ask first', async () => {
    dtm.queryStatus = 500;
    await expect(client.submit(saga())).rejects.toMatchObject({ code: 'DTM_UNAVAILABLE' });
    expect(dtm.submitted).toEqual([]);
  });

  it('saves the first question for what the caller knows to be new', async () => {
    dtm.stored.set('checkout-1', 'submitted');
    await client.submit(saga(), { isNew: true });
    expect(dtm.submitted).toHaveLength(1);
  });

  it('makes one submit of several for the same gid at the same time', async () => {
    const states = await Promise.all([client.submit(saga()), client.submit(saga()), client.submit(saga())]);
    expect(states).toEqual([{ kind: 'running' }, { kind: 'running' }, { kind: 'running' }]);
    expect(dtm.submitted).toHaveLength(1);
  });

  it('waits for the end, through questions that are not answered, and calls what has not ended pending', async () => {
    dtm.queryStatus = 500;
    const waiting = client.waitForEnd('checkout-1', { timeoutMs: 3000, pollMs: 5 });
    dtm.stored.set('checkout-1', 'succeed');
    dtm.queryStatus = 200;
    expect(await waiting).toEqual({ kind: 'succeeded' });
    dtm.stored.set('checkout-2', 'submitted');
    expect(await client.waitForEnd('checkout-2', { timeoutMs: 20, pollMs: 5 })).toEqual({ kind: 'running' });
  });

  it('takes an answer that is none of DTM for no answer', async () => {
    dtm.stored.set('checkout-1', 'sleeping');
    await expect(client.query('checkout-1')).rejects.toMatchObject({ code: 'DTM_UNAVAILABLE' });
  });
});
