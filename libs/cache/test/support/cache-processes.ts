import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { CacheProcessMessage, ReadOrder } from './cache-process';

const START_MS = 30_000;

/** A process of its own with a cache in it, over the Redis of the test. */
export class CacheProcess {
  private readonly messages: CacheProcessMessage[] = [];
  private readonly waiting = new Set<() => void>();

  private constructor(private readonly child: ChildProcess) {
    child.on('message', (message) => {
      this.messages.push(message as CacheProcessMessage);
      for (const look of [...this.waiting]) look();
    });
  }

  static async start(redisUrl: string): Promise<CacheProcess> {
    const started = new CacheProcess(
      fork(join(__dirname, 'cache-process.ts'), [redisUrl], { execArgv: ['--import', 'tsx'], stdio: 'inherit' }),
    );
    await started.next('ready', START_MS);
    return started;
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  tell(order: ReadOrder): void {
    this.child.send(order);
  }

  /** The next message of this kind; others stay. */
  next<Kind extends CacheProcessMessage['kind']>(
    kind: Kind,
    timeoutMs = 15_000,
  ): Promise<Extract<CacheProcessMessage, { kind: Kind }>> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(look);
        reject(new Error(`process ${this.pid} has not said "${kind}" within ${timeoutMs} ms`));
      }, timeoutMs);
      const look = (): void => {
        const index = this.messages.findIndex((message) => message.kind === kind);
        if (index < 0) return;
        clearTimeout(timer);
        this.waiting.delete(look);
        resolve(this.messages.splice(index, 1)[0] as Extract<CacheProcessMessage, { kind: Kind }>);
      };
      this.waiting.add(look);
      look();
    });
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await gone;
  }
}
