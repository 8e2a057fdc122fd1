import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { RequestTemplate } from './request-template';
import type { ResponseScanner } from './response-scanner';

const READ_BUFFER_BYTES = 8 * 1024;

export interface LoadConnectionOptions {
  readonly port: number;
  readonly template: RequestTemplate;
  readonly scanner: ResponseScanner;
  readonly answered: (connection: LoadConnection) => void;
  readonly failed: (connection: LoadConnection, error: Error) => void;
}

/** One buyer's connection: keep-alive, one request under way at most. */
export class LoadConnection {
  /** The request under way, -1 when there is none. */
  request = -1;
  /** Since when its latency is counted. */
  sinceMs = 0;
  readonly scanner: ResponseScanner;
  private readonly template: RequestTemplate;
  private readonly socket: Socket;
  private closing = false;

  private constructor(private readonly options: LoadConnectionOptions) {
    this.template = options.template;
    this.scanner = options.scanner;
    this.socket = connect({
      host: '127.0.0.1',
      port: options.port,
      noDelay: true,
      // Without a buffer of its own every read would allocate one. It is read to its end before the next read.
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES),
        callback: (length, chunk) => this.read(length, chunk),
      },
    });
  }

  static open(options: LoadConnectionOptions): Promise<LoadConnection> {
    const connection = new LoadConnection(options);
    const { socket } = connection;
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.removeListener('error', reject);
        socket.on('error', (error) => connection.fail(error));
        socket.on('close', () => connection.fail(new Error('the connection was closed')));
        resolve(connection);
      });
    });
  }

  send(request: number, sinceMs: number): void {
    this.request = request;
    this.sinceMs = sinceMs;
    this.socket.write(this.template.write(request));
  }

  get isClosed(): boolean {
    return this.closing;
  }

  close(): void {
    this.closing = true;
    this.socket.destroy();
  }

  private read(length: number, chunk: Uint8Array): boolean {
    try {
      if (this.request === -1) throw new Error('bytes that nobody has asked for');
      if (this.scanner.push(chunk, length)) this.options.answered(this);
    } catch (error) {
      this.socket.destroy();
      this.fail(error instanceof Error ? error : new Error(String(error)));
    }
    return true;
  }

  private fail(error: Error): void {
    if (this.closing) return;
    this.closing = true;
    this.options.failed(this, error);
  }
}
