import type { Socket } from 'node:net';
import { MAX_BODY_BYTES, MAX_HEAD_BYTES, parsePlainHead } from './plain-request';
import type { PlainHead } from './plain-request';
import type { ClaimAnswer } from '../../use-cases/claim-answer';
import { claimReply } from '../claim-reply';
import type { HttpReply } from '../claim-reply';
import type { PurchaseReceiver } from '../purchase';
import { answerHead } from './answer-head';

/** What the lane needs of its surroundings; one object for all connections. */
export interface LaneServices {
  /** The first line of the request with its CRLF, as Latin-1 text. */
  readonly requestLine: string;
  /** Takes a plain request; its answer comes by the connection's `answered` or `failed`, once, now or later. */
  readonly serve: (head: PlainHead, body: string, connection: LaneConnection) => void;
  readonly errorReply: (error: unknown) => HttpReply;
  /** Gives the connection to node:http for good; what was read and not served has been pushed back. */
  readonly handOver: (socket: Socket) => void;
  /** Header lines that end every answer, with the empty line: Date, Connection, Keep-Alive. */
  readonly tail: (close: boolean) => string;
  readonly closed: (connection: LaneConnection) => void;
  /** Coarse milliseconds, for idle connections. */
  readonly nowMs: () => number;
}

const HEAD_END = '\r\n\r\n';
/** Answers that the client does not take: nothing more is served until they are gone. */
const MAX_UNSENT_BYTES = 64 * 1024;
const BAD_REQUEST = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n';

/**
 * One connection in the lane: reads a request, has it served, answers, reads the next. Leaves the lane at the first byte that is not plain,
 * but never before the answers to the requests before it are out.
 */
export class LaneConnection implements PurchaseReceiver {
  /** When the last answer went out or the first byte of the request at hand came in. */
  since: number;
  /** A request is being served. */
  busy = false;
  private waiting: Buffer | undefined;
  private lastLines = '';
  private lastHead: PlainHead | undefined;
  private ended = false;
  private closing = false;

  constructor(
    private readonly socket: Socket,
    private readonly services: LaneServices,
  ) {
    this.since = services.nowMs();
    socket.on('data', this.onData);
    socket.on('end', this.onEnd);
    socket.on('error', this.onError);
    socket.on('close', this.onClose);
  }

  /** Bytes of a request that is not complete. */
  get partial(): boolean {
    return !this.busy && this.waiting !== undefined;
  }

  get remoteAddress(): string | undefined {
    return this.socket.remoteAddress;
  }

  answered(answer: ClaimAnswer): void {
    this.reply(claimReply(answer));
  }

  failed(error: unknown): void {
    this.reply(this.services.errorReply(error));
  }

  /** No further request after the one being served. */
  finish(): void {
    this.closing = true;
    if (!this.busy && this.waiting === undefined) this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Gives the connection away now; only while no request is being served. */
  leave(): void {
    const { socket } = this;
    socket.pause();
    socket.removeListener('data', this.onData);
    socket.removeListener('end', this.onEnd);
    socket.removeListener('error', this.onError);
    socket.removeListener('close', this.onClose);
    socket.removeListener('drain', this.onDrain);
    this.services.closed(this);
    if (this.waiting !== undefined) socket.unshift(this.waiting);
    this.waiting = undefined;
    this.services.handOver(socket);
    socket.resume();
  }

  private reply(reply: HttpReply): void {
    this.busy = false;
    this.since = this.services.nowMs();
    if (this.socket.destroyed) return;
    this.socket.write(answerHead(reply) + this.services.tail(this.closing) + reply.body, 'utf8');
    if (this.closing || this.ended) this.socket.end();
    else if (this.waiting !== undefined) this.next();
  }

  private readonly onData = (chunk: Buffer): void => {
    if (this.waiting === undefined) {
      if (!this.busy) this.since = this.services.nowMs();
      this.waiting = chunk;
    } else {
      this.waiting = Buffer.concat([this.waiting, chunk]);
    }
    if (this.busy) this.socket.pause();
    else this.next();
  };

  private readonly onEnd = (): void => {
    this.ended = true;
    if (this.busy) return;
    // The rest of a request will never come; the same words as node:http.
    if (this.waiting !== undefined) this.socket.write(BAD_REQUEST);
    this.socket.end();
  };

  private readonly onError = (): void => {
    this.socket.destroy();
  };

  private readonly onClose = (): void => {
    this.services.closed(this);
  };

  private readonly onDrain = (): void => {
    if (!this.busy && this.waiting !== undefined) this.next();
  };

  /** Serves the next complete request of what was read; several that arrived together one after the other. */
  private next(): void {
    const bytes = this.waiting;
    if (bytes === undefined || this.closing) return;
    if (this.socket.writableLength > MAX_UNSENT_BYTES) {
      this.socket.pause();
      this.socket.once('drain', this.onDrain);
      return;
    }
    const { requestLine } = this.services;
    const headEnd = bytes.indexOf(HEAD_END, 0, 'latin1');
    if (headEnd < 0) {
      this.awaitMore(bytes.length <= MAX_HEAD_BYTES && startsLike(bytes, requestLine));
      return;
    }
    const head = headEnd > MAX_HEAD_BYTES ? undefined : this.headOf(bytes.toString('latin1', 0, headEnd + 2));
    if (head === undefined) {
      this.leave();
      return;
    }
    const bodyEnd = headEnd + 4 + head.contentLength;
    if (bytes.length < bodyEnd) {
      this.awaitMore(bytes.length <= MAX_HEAD_BYTES + MAX_BODY_BYTES);
      return;
    }
    if (bytes.length > bodyEnd) this.waiting = bytes.subarray(bodyEnd);
    else {
      this.waiting = undefined;
      if (this.socket.isPaused()) this.socket.resume();
    }
    this.busy = true;
    // A client that sends on before it has its answer is read no further. That also keeps the end of its stream from arriving before
    // its requests are served: nothing can be pushed back behind an end.
    if (this.waiting !== undefined) this.socket.pause();
    this.services.serve(head, bytes.toString('utf8', headEnd + 4, bodyEnd), this);
  }

  private awaitMore(plainSoFar: boolean): void {
    if (!plainSoFar) this.leave();
    else if (this.socket.isPaused()) this.socket.resume();
  }

  /** A client's requests mostly differ in their bodies only: the lines of the last one are not parsed again. */
  private headOf(text: string): PlainHead | undefined {
    if (text === this.lastLines) return this.lastHead;
    const { requestLine } = this.services;
    if (!text.startsWith(requestLine)) return undefined;
    const head = parsePlainHead(text.slice(requestLine.length));
    this.lastLines = text;
    this.lastHead = head;
    return head;
  }
}

function startsLike(bytes: Buffer, line: string): boolean {
  const length = Math.min(bytes.length, line.length);
  return bytes.toString('latin1', 0, length) === line.slice(0, length);
}
