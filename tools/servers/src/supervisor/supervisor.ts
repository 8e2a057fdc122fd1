import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { RUN_MARK, createRunDirectory, endStrayProcesses, removeRunDirectory } from './run-directory';

/** One process to run. It is ended with the supervisor: SIGTERM first when `graceMs` is given, SIGKILL otherwise. */
export interface ProcessSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the process, nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** @default <run directory>/<name>.log */
  readonly logFile?: string;
  readonly stdinFile?: string;
  /** @default 0 */
  readonly graceMs?: number;
}

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface SupervisedProcess {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  readonly exited: Promise<ProcessExit>;
  /** Signals the whole process group; resolves at once. */
  signal(signal: NodeJS.Signals): Promise<void>;
  /** Signals the whole process group and resolves when the process is gone. @default SIGKILL */
  end(signal?: NodeJS.Signals): Promise<void>;
}

interface Reply {
  readonly id?: number;
  readonly event?: 'exit' | 'ready';
  readonly result?: unknown;
  readonly error?: string;
  readonly name?: string;
  readonly code?: number | null;
  readonly signal?: NodeJS.Signals | null;
}

interface Waiter {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/**
 * Runs processes under a small detached watchdog that sees this process end, however it ends, and then ends them and removes the run
 * directory. Guarantees: no process and no file of a run outlives the process that started it, kill -9 included.
 * An idle supervisor does not keep the process alive.
 */
export class Supervisor {
  readonly directory: string;
  readonly #watchdog: ChildProcess;
  readonly #waiters = new Map<number, Waiter>();
  readonly #exits = new Map<string, (exit: ProcessExit) => void>();
  #nextId = 1;
  #ended: Promise<void>;

  private constructor(directory: string, watchdog: ChildProcess) {
    this.directory = directory;
    this.#watchdog = watchdog;
    this.#ended = new Promise((resolve) => watchdog.once('exit', () => resolve()));
    void this.#ended.then(() => this.#lost());
  }

  /** Creates `<parent>/<purpose>-<pid>` for the run. `parent` is removed with the last run in it. */
  static async start(options: { parent: string; purpose: string }): Promise<Supervisor> {
    const directory = createRunDirectory(options.parent, options.purpose);
    const log = openSync(join(directory, 'watchdog.log'), 'a');
    const env = { ...process.env };
    delete env[RUN_MARK]; // a run inside a run is not ended by the outer one's sweep: it sees its parent end by itself
    const watchdog = spawn(process.execPath, [join(__dirname, 'watchdog.js'), directory, RUN_MARK], {
      detached: true,
      env: { PATH: env['PATH'] ?? '' },
      stdio: ['pipe', 'pipe', log],
    });
    closeSync(log);
    const supervisor = new Supervisor(directory, watchdog);
    await supervisor.#listen();
    return supervisor;
  }

  async run(spec: ProcessSpec): Promise<SupervisedProcess> {
    const logFile = spec.logFile ?? join(this.directory, `${spec.name}.log`);
    // Registered first: a process that ends at once is reported in the same read as its start.
    const exited = new Promise<ProcessExit>((resolve) => this.#exits.set(spec.name, resolve));
    const started = (await this.#request('spawn', { ...spec, logFile })) as { pid: number };
    return {
      name: spec.name,
      pid: started.pid,
      logFile,
      exited,
      signal: async (signal) => {
        await this.#request('signal', { name: spec.name, signal });
      },
      end: async (signal = 'SIGKILL') => {
        await this.#request('end_process', { name: spec.name, signal });
      },
    };
  }

  /** A command to run after all processes have ended, for things a signal does not end (containers). */
  async addCleanup(command: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
    await this.#request('cleanup', { command, args, env });
  }

  /** Lets the run outlive this process. Returns the pid that ends it all when it gets SIGTERM. */
  async detach(): Promise<number> {
    const { pid } = (await this.#request('detach', {})) as { pid: number };
    return pid;
  }

  /** Ends every process, removes the run directory. Safe to call twice. */
  async stop(): Promise<void> {
    this.#watchdog.ref();
    this.#watchdog.stdin?.end(`${JSON.stringify({ id: this.#nextId++, op: 'end' })}\n`);
    await this.#ended;
  }

  async #listen(): Promise<void> {
    const ready = new Promise<void>((resolve, reject) => {
      this.#watchdog.once('error', reject);
      this.#watchdog.stdin?.on('error', () => undefined); // a dead watchdog is reported by its exit
      if (!this.#watchdog.stdout) return reject(new Error('the watchdog has no output'));
      createInterface({ input: this.#watchdog.stdout }).on('line', (line) => {
        const reply = JSON.parse(line) as Reply;
        if (reply.event === 'ready') resolve();
        else this.#receive(reply);
      });
      void this.#ended.then(() => reject(new Error('the watchdog process ended at its start')));
    });
    await ready;
    this.#keepAlive(false);
    this.#watchdog.unref();
  }

  #receive(reply: Reply): void {
    if (reply.event === 'exit' && reply.name !== undefined) {
      this.#exits.get(reply.name)?.({ code: reply.code ?? null, signal: reply.signal ?? null });
      this.#exits.delete(reply.name);
      return;
    }
    const waiter = reply.id === undefined ? undefined : this.#waiters.get(reply.id);
    if (reply.id === undefined || !waiter) return;
    this.#waiters.delete(reply.id);
    if (this.#waiters.size === 0) this.#keepAlive(false);
    if (reply.error === undefined) waiter.resolve(reply.result);
    else waiter.reject(new Error(reply.error));
  }

  #request(op: string, request: object): Promise<unknown> {
    const id = this.#nextId++;
    if (this.#watchdog.exitCode !== null || this.#watchdog.signalCode !== null) {
      return Promise.reject(new Error('the watchdog process has ended'));
    }
    this.#keepAlive(true);
    return new Promise((resolve, reject) => {
      this.#waiters.set(id, { resolve, reject });
      this.#watchdog.stdin?.write(`${JSON.stringify({ ...request, id, op })}\n`);
    });
  }

  /** Pending requests keep this process alive, an idle watchdog does not. */
  #keepAlive(on: boolean): void {
    for (const stream of [this.#watchdog.stdin, this.#watchdog.stdout]) {
      const socket = stream as unknown as { ref(): void; unref(): void } | null;
      if (on) socket?.ref();
      else socket?.unref();
    }
  }

  /** The watchdog ended: as asked, or killed. In the second case what it owned is ended from here. */
  #lost(): void {
    endStrayProcesses(this.directory);
    removeRunDirectory(this.directory);
    for (const waiter of this.#waiters.values()) waiter.reject(new Error('the watchdog process has ended'));
    this.#waiters.clear();
    for (const exit of this.#exits.values()) exit({ code: null, signal: 'SIGKILL' });
    this.#exits.clear();
  }
}
