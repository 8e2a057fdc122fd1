import cluster from 'node:cluster';
import type { Worker } from 'node:cluster';
import { AggregatorRegistry } from 'prom-client';
import type { Component } from '../lifecycle/lifecycle';
import type { Logger } from '../logging/create-logger';
import type { GroupMessage, MemberMessage } from './messages';

export interface ProcessGroupOptions {
  /** How many processes share the ports. */
  readonly size: number;
  readonly logger: Logger;
  /** How long a new process may take until it serves. @default 30000 */
  readonly startTimeoutMs?: number;
  /** Pause before a process that ended is replaced; doubles while it keeps ending, up to the second. @default 100 and 5000 */
  readonly minRestartDelayMs?: number;
  readonly maxRestartDelayMs?: number;
}

const METRICS_TIMEOUT_MS = 1_000;
/** A process that lived so long has started well: the next pause is the shortest again. */
const LIVED_WELL_MS = 10_000;

/**
 * Several processes of one service on the same ports (node:cluster hands each new connection to one of them). This side only starts them,
 * replaces the ones that end, ends them with itself and puts their metrics together; it serves nobody. When it is killed, they end too.
 */
export class ProcessGroup implements Component {
  readonly name = 'processes';
  private readonly members = new Set<Worker>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly answers = new Map<number, (metrics: unknown) => void>();
  private questions = 0;
  private restartDelayMs: number;
  private stopping = false;

  constructor(private readonly options: ProcessGroupOptions) {
    this.restartDelayMs = options.minRestartDelayMs ?? 100;
  }

  /** Resolves when all of them serve. @throws Error when one ends or takes too long before that; the others are ended then. */
  async start(): Promise<void> {
    // Sockets stay with the process that accepted them; handing out in turn keeps the processes equally busy.
    cluster.schedulingPolicy = cluster.SCHED_RR;
    try {
      await Promise.all(Array.from({ length: this.options.size }, () => this.startOne()));
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** A terminal signals all processes at once: one that ends now is not replaced. */
  stopIntake(): void {
    this.stopping = true;
    for (const timer of this.timers) clearTimeout(timer);
  }

  /** Each ends in order, by its own deadline. */
  async drain(signal?: AbortSignal): Promise<void> {
    this.stopIntake();
    const ended = [...this.members].map(gone);
    for (const member of this.members) member.process.kill('SIGTERM');
    const cut = (): void => this.kill();
    if (signal?.aborted === true) cut();
    signal?.addEventListener('abort', cut, { once: true });
    await Promise.all(ended);
    signal?.removeEventListener('abort', cut);
  }

  async close(): Promise<void> {
    this.stopIntake();
    const ended = [...this.members].map(gone);
    this.kill();
    await Promise.all(ended);
  }

  private kill(): void {
    for (const member of this.members) member.process.kill('SIGKILL');
  }

  private async startOne(): Promise<void> {
    const { startTimeoutMs = 30_000, logger } = this.options;
    const startedMs = performance.now();
    const member = cluster.fork();
    this.members.add(member);
    let serving = false;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`a process did not serve within ${startTimeoutMs} ms`));
        // Whoever takes its place must not find it serving later.
        member.process.kill('SIGKILL');
      }, startTimeoutMs);
      member.on('message', (message: MemberMessage) => {
        if (message.kind === 'serving') {
          serving = true;
          clearTimeout(timer);
          resolve();
        } else if (message.kind === 'metrics') this.answers.get(message.question)?.(message.metrics);
        else void this.answerWithMetrics(member, message.request);
      });
      member.once('exit', (code, exitSignal) => {
        clearTimeout(timer);
        this.members.delete(member);
        reject(new Error(`a process ended with ${exitSignal ?? `code ${code}`} before it served`));
        if (this.stopping || !serving) return;
        logger.error(
          { pid: member.process.pid, exit_code: code, signal: exitSignal },
          'a process ended, starting another',
        );
        if (performance.now() - startedMs > LIVED_WELL_MS) this.restartDelayMs = this.options.minRestartDelayMs ?? 100;
        this.restartLater();
      });
    });
  }

  private restartLater(): void {
    const { maxRestartDelayMs = 5_000, logger } = this.options;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      this.startOne().catch((error: unknown) => {
        logger.error({ err: error }, 'a process could not be replaced');
        if (!this.stopping) this.restartLater();
      });
    }, this.restartDelayMs);
    this.timers.add(timer);
    this.restartDelayMs = Math.min(maxRestartDelayMs, this.restartDelayMs * 2);
  }

  /** Numbers of all processes, added up; one that does not answer in time is left out. */
  private async answerWithMetrics(asking: Worker, request: number): Promise<void> {
    const readings = await Promise.all([...this.members].map((member) => this.metricsOf(member)));
    const registry = AggregatorRegistry.aggregate(readings.filter((reading) => reading !== undefined) as object[]);
    tell(asking, { kind: 'group-metrics', request, text: await registry.metrics() });
  }

  private metricsOf(member: Worker): Promise<unknown> {
    const question = (this.questions += 1);
    return new Promise((resolve) => {
      const done = (metrics: unknown): void => {
        clearTimeout(timer);
        this.answers.delete(question);
        resolve(metrics);
      };
      const timer = setTimeout(() => done(undefined), METRICS_TIMEOUT_MS);
      this.answers.set(question, done);
      tell(member, { kind: 'metrics?', question });
    });
  }
}

function tell(member: Worker, message: GroupMessage): void {
  // One that is just ending cannot be told anything; its absence shows elsewhere.
  if (member.isConnected()) member.send(message, () => undefined);
}

function gone(member: Worker): Promise<void> {
  if (member.isDead()) return Promise.resolve();
  return new Promise((resolve) => member.once('exit', () => resolve()));
}
