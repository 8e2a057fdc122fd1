import { readFileSync, writeFileSync } from 'node:fs';
import { AnswerBook } from './answer-book';
import { LoadConnection } from './load-connection';
import { TIMELINE_MS } from './load-plan';
import type { LoadPlan, LoadResult } from './load-plan';
import { MeasuredPart } from './measured-part';
import { OpenLoopSchedule } from './open-loop-schedule';
import { RequestTemplate } from './request-template';
import { ResponseScanner } from './response-scanner';

/** Arrivals are looked for this often; a late look is part of the latency. */
const TICK_MS = 1;
const CLOSED_LOOP_TICK_MS = 20;
const LAST_ANSWERS_MS = 10_000;
const MOST_ERRORS = 10;
const MOST_WARM_UP_S = 60;

/** Runs a plan from its first connection to its last answer. Rejects when the connections cannot be opened. */
export async function runLoad(plan: LoadPlan): Promise<LoadResult> {
  const run = new LoadRun(plan);
  await run.connect();
  return run.run();
}

class LoadRun {
  private readonly book: AnswerBook;
  private readonly measuredPart: MeasuredPart;
  private readonly connections: LoadConnection[] = [];
  /** Connections without a request, in the order in which they became free; used as a ring. */
  private readonly free: LoadConnection[] = [];
  private freeHead = 0;
  private freeCount = 0;
  private schedule: OpenLoopSchedule | undefined;
  private next = 0;
  private answered = 0;
  private lost = 0;
  private phase: 'warm-up' | 'measured' | 'over' = 'warm-up';
  private sending = true;
  private startMs = 0;
  private stopMs = 0;
  private delayedArrivals = 0;
  private unsent = 0;
  private mostWaiting = 0;
  private readonly errors: string[] = [];
  private readonly timeline: Record<string, number>[] = [];
  private timelineBefore: Record<string, number> = {};
  private finished: () => void = () => undefined;

  constructor(private readonly plan: LoadPlan) {
    this.measuredPart = new MeasuredPart(plan.watchedPids);
    this.book = new AnswerBook({ maxRequests: plan.maxRequests, keepAnswers: plan.answersFile !== undefined });
  }

  async connect(): Promise<void> {
    const { plan } = this;
    const activities = plan.activities.map((id) => Buffer.from(id, 'latin1'));
    const tokens = plan.tokens === undefined ? undefined : readFileSync(plan.tokens.file);
    for (let i = 0; i < plan.connections; i += 1) {
      const connection = await LoadConnection.open({
        port: plan.port,
        template: new RequestTemplate(plan, activities, tokens),
        scanner: new ResponseScanner(this.book.classes),
        answered: (which) => this.onAnswer(which),
        failed: (which, error) => this.onFailure(which, error),
      });
      this.connections.push(connection);
    }
  }

  async run(): Promise<LoadResult> {
    const { plan } = this;
    this.startMs = performance.now();
    // Until the measured part begins and sets its own end.
    const warmUpSeconds = plan.warmUpRequests > 0 ? MOST_WARM_UP_S : plan.warmUpSeconds;
    this.stopMs = this.startMs + (warmUpSeconds + plan.maxSeconds) * 1_000;
    const done = new Promise<void>((resolve) => (this.finished = resolve));
    const timeline = setInterval(() => this.mark(), TIMELINE_MS);
    const ticks =
      plan.arrivals.kind === 'open' ? this.startOpenLoop(plan.arrivals.ratePerSecond) : this.startClosedLoop();
    await done;
    clearInterval(ticks);
    clearInterval(timeline);
    this.mark();
    if (this.phase !== 'over') this.endMeasured(performance.now());
    for (const connection of this.connections) connection.close();
    return this.result();
  }

  private startOpenLoop(ratePerSecond: number): NodeJS.Timeout {
    for (const connection of this.connections) this.release(connection);
    this.schedule = new OpenLoopSchedule(ratePerSecond, this.startMs, this.plan.maxRequests);
    if (this.plan.warmUpSeconds === 0) this.beginMeasured(this.startMs);
    return setInterval(() => this.tick(), TICK_MS);
  }

  private startClosedLoop(): NodeJS.Timeout {
    for (const connection of this.connections) this.sendNext(connection, performance.now());
    return setInterval(() => this.tick(), CLOSED_LOOP_TICK_MS);
  }

  private onAnswer(connection: LoadConnection): void {
    const nowMs = performance.now();
    this.book.add(connection.request, connection.scanner, this.phase === 'measured', nowMs - connection.sinceMs);
    this.answered += 1;
    connection.request = -1;
    if (this.phase === 'warm-up') this.beginIfWarm(nowMs);
    if (this.schedule !== undefined) this.release(connection);
    if (this.sending) this.sendNext(connection, nowMs);
    else this.endIfDone();
  }

  /** Closed loop: the connection's next request. Open loop: whatever is due. */
  private sendNext(connection: LoadConnection, nowMs: number): void {
    if (this.schedule !== undefined) {
      this.sendDue(nowMs, true);
      return;
    }
    if (this.next >= this.plan.maxRequests || nowMs >= this.stopMs) {
      this.stopSending(nowMs);
      return;
    }
    connection.send(this.next, nowMs);
    this.next += 1;
  }

  private sendDue(nowMs: number, delayed: boolean): void {
    const schedule = this.schedule as OpenLoopSchedule;
    const due = schedule.due(nowMs);
    while (this.next < due) {
      const connection = this.takeFree();
      if (connection === undefined) break;
      const intendedMs = schedule.intendedMs(this.next);
      if (delayed && nowMs - intendedMs > 2 * TICK_MS) this.delayedArrivals += 1;
      connection.send(this.next, intendedMs);
      this.next += 1;
    }
    if (due - this.next > this.mostWaiting) this.mostWaiting = due - this.next;
    if (this.next >= this.plan.maxRequests || nowMs >= this.stopMs) this.stopSending(nowMs);
  }

  private tick(): void {
    const nowMs = performance.now();
    if (this.phase === 'warm-up') this.beginIfWarm(nowMs);
    if (this.sending && this.schedule !== undefined) this.sendDue(nowMs, false);
    if (this.sending && nowMs >= this.stopMs) this.stopSending(nowMs);
    if (!this.sending && nowMs > this.stopMs + LAST_ANSWERS_MS) {
      this.note(`${this.inFlight} requests had no answer after ${LAST_ANSWERS_MS} ms`);
      this.finished();
    }
  }

  private beginIfWarm(nowMs: number): void {
    const { warmUpSeconds, warmUpRequests } = this.plan;
    if (nowMs - this.startMs >= warmUpSeconds * 1_000 && this.answered >= warmUpRequests) this.beginMeasured(nowMs);
  }

  private beginMeasured(nowMs: number): void {
    this.phase = 'measured';
    // The time for the plan's requests begins when they are measured.
    this.stopMs = nowMs + this.plan.maxSeconds * 1_000;
    this.measuredPart.begin(nowMs);
  }

  private endMeasured(nowMs: number): void {
    if (this.phase === 'warm-up') this.beginMeasured(nowMs);
    this.phase = 'over';
    this.measuredPart.end(nowMs);
  }

  /** The measured part of a closed loop ends with the sending, while all connections are busy; that of an open loop with the last answer. */
  private stopSending(nowMs: number): void {
    if (!this.sending) return;
    this.sending = false;
    this.stopMs = Math.min(this.stopMs, nowMs);
    if (this.schedule === undefined) this.endMeasured(nowMs);
    else this.unsent = this.schedule.due(nowMs) - this.next;
    this.endIfDone();
  }

  private get inFlight(): number {
    return this.next - this.answered - this.lost;
  }

  private endIfDone(): void {
    if (!this.sending && this.inFlight === 0) this.finished();
  }

  private onFailure(connection: LoadConnection, error: Error): void {
    this.note(error.message);
    const at = this.connections.indexOf(connection);
    if (at !== -1) this.connections.splice(at, 1);
    if (connection.request !== -1) this.lost += 1;
    if (this.connections.length === 0) {
      this.note('no connection is left');
      this.sending = false;
    }
    this.endIfDone();
  }

  private note(error: string): void {
    if (this.errors.length < MOST_ERRORS) this.errors.push(error);
  }

  private release(connection: LoadConnection): void {
    this.free[(this.freeHead + this.freeCount) % this.plan.connections] = connection;
    this.freeCount += 1;
  }

  private takeFree(): LoadConnection | undefined {
    while (this.freeCount > 0) {
      const connection = this.free[this.freeHead] as LoadConnection;
      this.freeHead = (this.freeHead + 1) % this.plan.connections;
      this.freeCount -= 1;
      if (!connection.isClosed) return connection;
    }
    return undefined;
  }

  private mark(): void {
    const counts = this.book.counted(0);
    const entries = Object.entries(counts).map(([name, n]) => [name, n - (this.timelineBefore[name] ?? 0)] as const);
    this.timeline.push(Object.fromEntries(entries.filter(([, n]) => n > 0)));
    this.timelineBefore = counts;
  }

  private result(): LoadResult {
    const { plan, book } = this;
    const answersOfAll = book.answersOf(this.next);
    if (plan.answersFile !== undefined && answersOfAll !== undefined) writeFileSync(plan.answersFile, answersOfAll);
    return {
      sent: this.next,
      answers: book.counted(this.next - this.answered),
      classes: book.classes.names(),
      measured: this.measuredPart.result(book),
      timeline: this.timeline,
      delayedArrivals: this.delayedArrivals,
      mostWaiting: this.mostWaiting,
      unsent: this.unsent,
      sampled: book.sampled,
      sampleMismatches: book.sampleMismatches,
      errors: this.errors,
    };
  }
}
