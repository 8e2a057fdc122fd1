import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';

/** The server's end of a connection without a network: the spec decides what arrives in one piece and what the client takes. */
export class MemorySocket extends Duplex {
  /** Everything the server wrote and the client took, a character per byte. */
  text = '';
  /** The server has ended or destroyed the connection. */
  closing = false;
  readonly gone: Promise<void>;
  readonly remoteAddress = '192.0.2.7';
  private taking = true;
  private untaken: (() => void) | undefined;

  constructor() {
    super({ allowHalfOpen: true });
    this.gone = new Promise((resolve) => this.once('close', resolve));
  }

  /** What a server takes for a connection of its own. */
  get asSocket(): Socket {
    return this as unknown as Socket;
  }

  /** One read of the socket brings this. */
  receive(bytes: string | Buffer): void {
    this.push(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** The client ends its side, told the way a net.Socket tells it. */
  receiveEnd(): void {
    this.push(null);
    this.read(0);
  }

  /** The client stops taking answers, or goes on. */
  setTaking(taking: boolean): void {
    this.taking = taking;
    if (!taking) return;
    const { untaken } = this;
    this.untaken = undefined;
    untaken?.();
  }

  destroySoon(): void {
    this.closing = true;
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  override _read(): void {
    // Bytes come by `receive`.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const take = (): void => {
      this.text += chunk.toString('latin1');
      done();
    };
    if (this.taking) take();
    else this.untaken = take;
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.closing = true;
    done(error);
  }
}

/** As many turns of the event loop as streams need to tell what has happened. */
export async function turns(count = 4): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
