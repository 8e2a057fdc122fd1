import { verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { Worker } from 'node:worker_threads';

/** As text, because an app is deployed as one file and a thread would need one of its own. */
const THREAD = `
const { parentPort } = require('node:worker_threads');
const { verify } = require('node:crypto');
const keys = new Map();
const isValid = (token, key) => {
  const end = token.lastIndexOf('.');
  try {
    return verify('sha256', Buffer.from(token.slice(0, end), 'latin1'), key, Buffer.from(token.slice(end + 1), 'base64url'));
  } catch {
    return false;
  }
};
parentPort.on('message', ({ batch, keyId, key, tokens }) => {
  if (key !== undefined) keys.set(keyId, key);
  parentPort.postMessage({ batch, valid: tokens.split('\\n').map((token) => isValid(token, keys.get(keyId))) });
});
`;

/** So many travel at once at most: the thread begins while the rest of a burst is still being read. */
const BATCH_SIZE = 16;
/** More keys than a key set has at a time; older ones give way. */
const MAX_KEYS = 16;

interface Waiting {
  readonly token: string;
  readonly settle: (valid: boolean) => void;
}

interface Batch {
  readonly key: KeyObject;
  readonly waiting: readonly Waiting[];
}

interface Reply {
  readonly batch: number;
  readonly valid: readonly boolean[];
}

/**
 * RS256 signatures, checked in a thread of its own. A call into the thread pool costs the event loop as much as the signature itself
 * (measured: 30 us); here the tokens of one turn share a message.
 */
export class SignatureThread {
  private readonly collecting = new Map<KeyObject, Waiting[]>();
  private readonly underWay = new Map<number, Batch>();
  /** Those the thread has, by the number it knows them under. */
  private keys: KeyObject[] = [];
  private nextKey = 0;
  private worker: Worker | undefined;
  private batches = 0;
  private scheduled = false;

  /** @param token compact JWS whose alphabet has been checked */
  isValid(token: string, key: KeyObject): Promise<boolean> {
    return new Promise((settle) => {
      const waiting = this.collecting.get(key);
      if (waiting === undefined) this.collecting.set(key, [{ token, settle }]);
      else waiting.push({ token, settle });
      if (waiting !== undefined && waiting.length >= BATCH_SIZE) this.send(key);
      else if (!this.scheduled) {
        this.scheduled = true;
        setImmediate(() => {
          this.scheduled = false;
          for (const each of [...this.collecting.keys()]) this.send(each);
        });
      }
    });
  }

  private send(key: KeyObject): void {
    const waiting = this.collecting.get(key);
    this.collecting.delete(key);
    if (waiting === undefined) return;
    this.worker ??= this.start();
    const batch = (this.batches += 1);
    this.underWay.set(batch, { key, waiting });
    const tokens = waiting.map(({ token }) => token).join('\n');
    const known = this.keys.indexOf(key);
    if (known !== -1) {
      this.worker.postMessage({ batch, keyId: known, tokens });
      return;
    }
    // Messages arrive in order: nothing that was sent before means the key that takes the place now.
    const keyId = this.nextKey;
    this.nextKey = (keyId + 1) % MAX_KEYS;
    this.keys[keyId] = key;
    this.worker.postMessage({ batch, keyId, key, tokens });
  }

  private start(): Worker {
    const worker = new Worker(THREAD, { eval: true, name: 'signatures' });
    worker.on('message', ({ batch, valid }: Reply) => {
      const done = this.underWay.get(batch);
      this.underWay.delete(batch);
      done?.waiting.forEach(({ settle }, index) => settle(valid[index] === true));
    });
    worker.on('error', () => this.abandon(worker));
    worker.on('exit', () => this.abandon(worker));
    // Whoever waits for an answer holds a connection open; the thread alone must not keep a process alive. Last: a listener refs it again.
    worker.unref();
    return worker;
  }

  /** The thread is gone: what it owed is checked here, the next token starts another one. */
  private abandon(worker: Worker): void {
    if (this.worker !== worker) return;
    this.worker = undefined;
    this.keys = [];
    this.nextKey = 0;
    const owed = [...this.underWay.values()];
    this.underWay.clear();
    for (const { key, waiting } of owed) {
      for (const { token, settle } of waiting) settle(isValidHere(token, key));
    }
  }
}

function isValidHere(token: string, key: KeyObject): boolean {
  const end = token.lastIndexOf('.');
  const signature = Buffer.from(token.slice(end + 1), 'base64url');
  return verify('sha256', Buffer.from(token.slice(0, end), 'latin1'), key, signature);
}
