import { writeFileSync } from 'node:fs';
import { credentials } from '@grpc/grpc-js';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { SeckillClient } from '@coupon/contracts';
import type { FlashSaleRequest, FlashSaleResponse } from '@coupon/contracts';
import { AnswerBook } from '../load/answer-book';
import type { LoadResult } from '../load/load-plan';
import { MeasuredPart } from '../load/measured-part';
import type { GrpcLoadPlan } from './grpc-load-plan';

const CONNECT_TIMEOUT_MS = 10_000;
const LAST_ANSWERS_MS = 10_000;
const TICK_MS = 20;
const MOST_ERRORS = 10;

/** Runs a plan to its last answer with the client a user of grpc-js has. Rejects when the server cannot be reached. */
export async function runGrpcLoad(plan: GrpcLoadPlan): Promise<LoadResult> {
  const clients = Array.from(
    { length: plan.channels },
    // Without it all clients of a process share one connection.
    (_, n) =>
      new SeckillClient(`127.0.0.1:${plan.port}`, credentials.createInsecure(), {
        'grpc.use_local_subchannel_pool': 1,
        'bench.channel': n,
      }),
  );
  try {
    await Promise.all(clients.map(connected));
    return await new GrpcLoadRun(plan, clients).run();
  } finally {
    for (const client of clients) client.close();
  }
}

class GrpcLoadRun {
  private readonly book: AnswerBook;
  private readonly measuredPart: MeasuredPart;
  private readonly codes = new Map<string, Buffer>();
  private readonly streams: ClientDuplexStream<FlashSaleRequest, FlashSaleResponse>[] = [];
  /** Per request under way in a stream: since when. */
  private readonly since = new Map<number, number>();
  private next = 0;
  private answered = 0;
  private lost = 0;
  private phase: 'warm-up' | 'measured' | 'over' = 'warm-up';
  private sending = true;
  private beginMs = 0;
  private stopMs = 0;
  private readonly errors: string[] = [];
  private finished: () => void = () => undefined;

  constructor(
    private readonly plan: GrpcLoadPlan,
    private readonly clients: readonly SeckillClient[],
  ) {
    this.book = new AnswerBook({ maxRequests: plan.maxRequests, keepAnswers: plan.answersFile !== undefined });
    this.measuredPart = new MeasuredPart(plan.watchedPids);
  }

  async run(): Promise<LoadResult> {
    const { plan } = this;
    const startMs = performance.now();
    this.beginMs = startMs + plan.warmUpSeconds * 1_000;
    this.stopMs = this.beginMs + plan.maxSeconds * 1_000;
    const done = new Promise<void>((resolve) => (this.finished = resolve));
    if (plan.mode === 'stream') for (const client of this.clients) this.openStream(client);
    for (let slot = 0; slot < plan.inFlight; slot += 1) this.send(slot % plan.channels, startMs);
    const ticks = setInterval(() => this.tick(performance.now()), TICK_MS);
    await done;
    clearInterval(ticks);
    for (const stream of this.streams) stream.end();
    const answers = this.book.answersOf(this.next);
    if (plan.answersFile !== undefined && answers !== undefined) writeFileSync(plan.answersFile, answers);
    return this.result();
  }

  private openStream(client: SeckillClient): void {
    const stream = client.flashSaleCouponStream();
    const channel = this.streams.push(stream) - 1;
    stream.on('data', (response: FlashSaleResponse) => {
      const request = Number(response.requestId);
      const sinceMs = this.since.get(request);
      if (sinceMs === undefined) {
        this.note(`an answer to ${response.requestId}, which nobody asked`);
        return;
      }
      this.since.delete(request);
      this.onAnswer(request, channel, response, sinceMs);
    });
    stream.on('error', (error) => {
      this.note(error.message);
      this.sending = false;
      this.finished();
    });
  }

  private send(channel: number, nowMs: number): void {
    if (this.next >= this.plan.maxRequests || nowMs >= this.stopMs) {
      this.stopSending(nowMs);
      return;
    }
    const request = this.next;
    this.next += 1;
    const message: FlashSaleRequest = {
      activityId: this.plan.activityId,
      userId: String(this.plan.firstUser + request),
      clientIp: '',
    };
    if (this.plan.mode === 'stream') {
      this.since.set(request, nowMs);
      this.streams[channel]?.write({ ...message, requestId: String(request) });
      return;
    }
    this.clients[channel]?.flashSaleCoupon(message, (error, response) => {
      if (error === null) {
        this.onAnswer(request, channel, response, nowMs);
        return;
      }
      this.note(error.message);
      this.lost += 1;
      this.goOn(channel, performance.now());
    });
  }

  private onAnswer(request: number, channel: number, response: FlashSaleResponse, sinceMs: number): void {
    const nowMs = performance.now();
    const { code, replayed, claimId } = response;
    const answer = { code: this.codeBytes(code), replayed, claimId };
    this.book.addMessage(request, answer, this.phase === 'measured', nowMs - sinceMs);
    this.answered += 1;
    this.goOn(channel, nowMs);
  }

  private goOn(channel: number, nowMs: number): void {
    if (this.sending) this.send(channel, nowMs);
    else if (this.answered + this.lost === this.next) this.finished();
  }

  private tick(nowMs: number): void {
    if (this.phase === 'warm-up' && nowMs >= this.beginMs) {
      this.phase = 'measured';
      this.measuredPart.begin(nowMs);
    }
    if (this.sending && nowMs >= this.stopMs) this.stopSending(nowMs);
    if (!this.sending && nowMs > this.stopMs + LAST_ANSWERS_MS) {
      this.note(`requests without an answer after ${LAST_ANSWERS_MS} ms`);
      this.finished();
    }
  }

  private stopSending(nowMs: number): void {
    if (!this.sending) return;
    this.sending = false;
    this.stopMs = Math.min(this.stopMs, nowMs);
    if (this.phase === 'warm-up') this.measuredPart.begin(nowMs);
    this.phase = 'over';
    this.measuredPart.end(nowMs);
    if (this.answered + this.lost === this.next) this.finished();
  }

  private codeBytes(code: string): Buffer {
    const known = this.codes.get(code);
    if (known !== undefined) return known;
    const bytes = Buffer.from(code, 'latin1');
    this.codes.set(code, bytes);
    return bytes;
  }

  private note(error: string): void {
    if (this.errors.length < MOST_ERRORS) this.errors.push(error);
  }

  private result(): LoadResult {
    return {
      sent: this.next,
      answers: this.book.counted(this.next - this.answered),
      classes: this.book.classes.names(),
      measured: this.measuredPart.result(this.book),
      timeline: [],
      delayedArrivals: 0,
      mostWaiting: 0,
      unsent: 0,
      sampled: 0,
      sampleMismatches: 0,
      errors: this.errors,
    };
  }
}

function connected(client: SeckillClient): Promise<void> {
  return new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + CONNECT_TIMEOUT_MS, (error) => (error ? reject(error) : resolve()));
  });
}
