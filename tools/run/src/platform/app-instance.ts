import { existsSync, readFileSync } from 'node:fs';
import { pollUntil } from '@coupon/servers';
import type { ProcessExit, SupervisedProcess, Supervisor } from '@coupon/servers';
import { UserError } from '../cli/user-error';
import type { AppPlan } from './app-plan';
import { bundleOf } from './layout';

const READY_TIMEOUT_MS = 60_000;
const PROBE_TIMEOUT_MS = 2_000;
const POLL_INTERVAL_MS = 50;
/** The app's own deadline is 10 s. */
const STOP_GRACE_MS = 12_000;
const RESPAWN_PAUSE_MS = 200;
/** An app that ends so soon after its start, so often in a row, will not be helped by another start. */
const QUICK_END_MS = 3_000;
const MOST_QUICK_ENDS = 5;

export interface AppInstanceOptions {
  readonly supervisor: Supervisor;
  readonly logFile: string;
  /** Start again whatever ends without having been told to. */
  readonly respawn: boolean;
  /** After so many ends soon after a start, one after the other, it is not started again. @default 5 */
  readonly mostQuickEnds?: number | undefined;
  /** Called for such an end. */
  readonly onUnexpectedExit: (instance: AppInstance, exit: ProcessExit) => void;
  /** Called when it has been started again by itself. */
  readonly onRespawned: (instance: AppInstance) => void;
  readonly onRespawnFailed: (instance: AppInstance, error: unknown) => void;
}

/** One process of one app, on fixed ports; can be killed and started again. */
export class AppInstance {
  readonly #options: AppInstanceOptions;
  #process: SupervisedProcess | undefined;
  #startedMs = 0;
  #quickEnds = 0;
  #wanted = false;
  #respawning: Promise<void> = Promise.resolve();

  constructor(
    readonly plan: AppPlan,
    options: AppInstanceOptions,
  ) {
    this.#options = options;
  }

  get name(): string {
    return this.plan.name;
  }

  get httpUrl(): string {
    return `http://127.0.0.1:${this.plan.httpPort}`;
  }

  /** `host:port`; undefined for an app without gRPC. */
  get grpcAddress(): string | undefined {
    return this.plan.grpcPort === undefined ? undefined : `127.0.0.1:${this.plan.grpcPort}`;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get logFile(): string {
    return this.#options.logFile;
  }

  /** Starts the process; resolves when it is ready. Rejects with its last words when it ends instead. */
  async start(): Promise<void> {
    if (this.#process) throw new Error(`${this.name} is already running`);
    this.#wanted = true;
    await this.#spawn();
    await this.untilReady();
  }

  async untilReady(timeoutMs: number = READY_TIMEOUT_MS): Promise<void> {
    await pollUntil(() => this.#probe(), {
      timeoutMs,
      intervalMs: POLL_INTERVAL_MS,
      what: this.name,
      giveUp: () => (this.#wanted && !this.#process && !this.#options.respawn ? this.#deathNotice() : undefined),
    });
  }

  /** SIGKILL, as a machine that dies; resolves when it is gone. It stays down until started. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** The orderly end. */
  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#wanted = false;
    await this.#respawning;
    const running = this.#process;
    if (!running) return;
    const timer = setTimeout(() => void running.signal('SIGKILL'), STOP_GRACE_MS);
    await running.end(signal);
    clearTimeout(timer);
    this.#process = undefined;
  }

  async #spawn(): Promise<void> {
    const started = await this.#options.supervisor.run({
      name: this.name,
      command: process.execPath,
      args: ['--enable-source-maps', bundleOf(this.plan.app)],
      env: this.plan.env,
      logFile: this.logFile,
      graceMs: STOP_GRACE_MS,
    });
    this.#process = started;
    this.#startedMs = performance.now();
    void started.exited.then((exit) => this.#ended(started, exit));
  }

  #ended(which: SupervisedProcess, exit: ProcessExit): void {
    if (this.#process === which) this.#process = undefined;
    if (!this.#wanted) return;
    this.#options.onUnexpectedExit(this, exit);
    this.#quickEnds = performance.now() - this.#startedMs < QUICK_END_MS ? this.#quickEnds + 1 : 0;
    if (!this.#options.respawn || this.#quickEnds >= (this.#options.mostQuickEnds ?? MOST_QUICK_ENDS)) return;
    setTimeout(() => {
      this.#respawning = this.#respawn();
    }, RESPAWN_PAUSE_MS);
  }

  async #respawn(): Promise<void> {
    if (!this.#wanted || this.#process) return;
    try {
      await this.#spawn();
      this.#options.onRespawned(this);
    } catch (error) {
      // The supervisor cannot start anything any more: it is ending, and everything with it.
      this.#wanted = false;
      this.#options.onRespawnFailed(this, error);
    }
  }

  async #probe(): Promise<void> {
    const response = await fetch(`${this.httpUrl}/health/ready`, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    const body = await response.text();
    if (!response.ok) throw new Error(`not ready: ${body}`);
    if (!this.#process) throw new Error('not running');
  }

  #deathNotice(): UserError {
    return new UserError(`${this.name} ended while starting: ${lastLines(this.logFile, 5)}\nIts log: ${this.logFile}`);
  }
}

export function lastLines(file: string, count: number): string {
  const text = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  return text === '' ? 'it wrote nothing' : text.split('\n').slice(-count).join('\n');
}
