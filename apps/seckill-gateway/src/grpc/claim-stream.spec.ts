import { Duplex } from 'node:stream';
import { Metadata } from '@grpc/grpc-js';
import type { FlashSaleResponse } from '@coupon/contracts';
import type { ClaimId } from '@coupon/domain';
import { createAuthenticator } from '@coupon/service-kit';
import type { Authenticator, Identity } from '@coupon/service-kit';
import type { ClaimAnswer, ClaimReceiver } from '../use-cases/claim-answer';
import { ClientAddresses } from '../http/client-address';
import { claimStream } from './claim-stream';

const WON: ClaimAnswer = {
  kind: 'won',
  claimId: '0'.repeat(26) as ClaimId,
  couponSns: ['1'],
  available: 0,
  replayed: false,
};
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A stream between a client that sends `count` requests as fast as they are taken and a desk that decides when it is told. */
function openStream(
  count: number,
  authenticator: Authenticator = createAuthenticator({ mode: 'none', nodeEnv: 'test' }),
): {
  open: ClaimReceiver[];
  taken: () => number;
  answers: FlashSaleResponse[];
  clientReads: (yes: boolean) => void;
  call: Duplex;
} {
  const open: ClaimReceiver[] = [];
  const answers: FlashSaleResponse[] = [];
  let sent = 0;
  let taken = 0;
  let reads = true;
  let held: (() => void) | undefined;
  const call = new Duplex({
    objectMode: true,
    highWaterMark: 16,
    read() {
      sent += 1;
      this.push(sent > count ? null : { activityId: '1', userId: String(sent), clientIp: '', requestId: `r${sent}` });
    },
    write(response: FlashSaleResponse, _encoding, done) {
      answers.push(response);
      if (reads) done();
      else held = done;
    },
  });
  Object.assign(call, { metadata: new Metadata(), getPeer: () => '127.0.0.1:1', cancelled: false });
  const handler = claimStream({
    authenticator,
    desk: {
      claim: (_command, receiver) => {
        taken += 1;
        open.push(receiver);
      },
    },
    addresses: new ClientAddresses([]),
    draining: () => new AbortController().signal,
  });
  handler(call as unknown as Parameters<typeof handler>[0]);
  return {
    open,
    taken: () => taken,
    answers,
    call,
    clientReads: (yes) => {
      reads = yes;
      if (yes) held?.();
    },
  };
}

async function until(settled: () => boolean): Promise<void> {
  for (let i = 0; i < 10_000 && !settled(); i += 1) await turn();
}

describe('a stream of claims', () => {
  test('reads no further than a bounded number of undecided claims, and goes on when they are decided', async () => {
    const stream = openStream(3_000);
    await until(() => stream.call.isPaused() && stream.taken() > 0);
    const atMost = stream.taken();
    expect(atMost).toBeLessThanOrEqual(1_024);
    for (const receiver of stream.open.splice(0)) receiver.answered(WON);
    await until(() => stream.taken() > atMost);
    expect(stream.taken()).toBeGreaterThan(atMost);
  });

  test('reads nothing while the client does not take its answers', async () => {
    const stream = openStream(3_000);
    stream.clientReads(false);
    await until(() => stream.taken() >= 100);
    // The client takes nothing: its answers pile up to the stream's own bound, then no further request is read.
    for (let round = 0; round < 50; round += 1) {
      for (const receiver of stream.open.splice(0)) receiver.answered(WON);
      await turn();
    }
    expect(stream.taken()).toBeLessThan(1_500);
    stream.clientReads(true);
    await until(() => {
      for (const receiver of stream.open.splice(0)) receiver.answered(WON);
      return stream.answers.length === 3_000;
    });
    expect(stream.answers).toHaveLength(3_000);
    expect(new Set(stream.answers.map(({ requestId }) => requestId)).size).toBe(3_000);
  });

  test('ends with the token it was opened with: what comes later is refused, what was taken is answered', async () => {
    const mode = createAuthenticator({ mode: 'none', nodeEnv: 'test' });
    let expiresMs = Infinity;
    const identity: Identity = {
      userId: null,
      role: 'admin',
      subject: 'somebody',
      anyUser: true,
      get expiresMs() {
        return expiresMs;
      },
    };
    const stream = openStream(3_000, {
      ...mode,
      authenticate: () => Promise.resolve(identity),
      authenticateNow: () => identity,
    });
    await until(() => stream.call.isPaused() && stream.taken() > 0);
    expiresMs = Date.now() - 1;
    for (const receiver of stream.open.splice(0)) receiver.answered(WON);
    await until(() => stream.call.writableEnded);
    expect(stream.call.writableEnded).toBe(true);
    const codes = stream.answers.map(({ code }) => code);
    expect(codes.filter((code) => code === 'OK')).toHaveLength(stream.taken());
    expect(codes.filter((code) => code !== 'OK')).toEqual(['UNAUTHENTICATED']);
  });
});
