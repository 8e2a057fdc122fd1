import type { Socket } from 'node:net';
import { MAX_HEAD_BYTES, parsePlainHead } from './plain-request';
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
  /** Header lines that end every answer, with the empty line: Date, Connection, Keep-Alive. */
  readonly tail: (close: boolean) => string;
  /** The connection is no longer in the lane: closed, or given away. */
  readonly left: (connection: LaneConnection) => void;
  /** Coarse milliseconds, for idle connections. */
  readonly nowMs: () => number;
}

const HEAD_END = '\r\n\r\n';
const BAD_REQUEST = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n';

/**
 * One connection in the lane: reads a request, has it served, answers, reads the next. Leaves the lane at the first byte that is not plain,
 * but never before the answers to the requests before it are out.
 *
 * Bytes behind the request at hand go back into the socket (`unshift`), which is paused until the answer is out. Kept here they would let
 * the end of the stream overtake them: a socket tells its end as soon as it holds nothing itself, and behind an end nothing can be pushed
 * back for node:http.
 */
export class LaneConnection implements PurchaseReceiver {
  /** When the last answer went out or the first byte of the request at hand came in. */
  since: number;
  /** A request is being served. */
  busy = false;
  /** A request that is not complete. */
  private waiting: Buffer | undefined;
  private lastLines = '';
  private lastHead: PlainHead | undefined;
  private ended = false;
  private closing = false;

  /** @param toHttp gives the connection to node:http for good */
  constructor(
    private readonly socket: Socket,
    private readonly services: LaneServices,
    private readonly toHttp: (socket: Socket) => void,
  ) {
    this.since = services.nowMs();
    socket.on('data', this.onData);
    socket.on('end', this.onEnd);
    socket.on('drain', this.onDrain);
    socket.on('error', this.onError);
    socket.on('close', this.onClose);
  }

  /** Holds bytes of a request that is not complete. */
  get partial(): boolean {
    return this.waiting !== undefined;
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

  /** No further request after the one being served. One that has begun to arrive is left to node:http, which ends the same way. */
  finish(): void {
    this.closing = true;
    if (this.busy) return;
    if (this.partial) this.leave();
    else this.socket.destroySoon();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Gives the connection away now; only while no request is being served. */
  leave(): void {
    const { socket, waiting } = this;
    socket.pause();
    socket.removeListener('data', this.onData);
    socket.removeListener('end', this.onEnd);
    socket.removeListener('drain', this.onDrain);
    socket.removeListener('error', this.onError);
    socket.removeListener('close', this.onClose);
    this.services.left(this);
    this.waiting = undefined;
    if (waiting !== undefined) socket.unshift(waiting);
    this.toHttp(socket);
    socket.resume();
  }

  private reply(reply: HttpReply): void {
    this.busy = false;
    this.since = this.services.nowMs();
    const { socket } = this;
    if (socket.destroyed) return;
    socket.write(answerHead(reply) + this.services.tail(this.closing) + reply.body, 'utf8');
    if (this.closing || this.ended) socket.destroySoon();
    else if (socket.isPaused()) socket.resume();
  }

  private readonly onData = (chunk: Buffer): void => {
    // Nothing more is served to a client that does not take its answers; node:http pauses at the same mark.
    if (this.busy || this.socket.writableNeedDrain) {
      this.holdBack(chunk);
      return;
    }
    const { waiting } = this;
    if (waiting === undefined) {
      this.since = this.services.nowMs();
      this.read(chunk);
    } else {
      this.waiting = undefined;
      this.read(Buffer.concat([waiting, chunk]));
    }
  };

  private readonly onEnd = (): void => {
    this.ended = true;
    if (this.busy) return;
    // The rest of a request will never come; the same words as node:http.
    if (this.partial) this.socket.write(BAD_REQUEST);
    this.socket.destroySoon();
  };

  private readonly onDrain = (): void => {
    if (!this.busy) this.socket.resume();
  };

  private readonly onError = (): void => {
    this.socket.destroy();
  };

  private readonly onClose = (): void => {
    this.services.left(this);
  };

  /** Serves the complete requests of what was read, each after the answer to the one before. */
  private read(bytes: Buffer): void {
    while (bytes.length > 0 && !this.closing) {
      const headEnd = bytes.indexOf(HEAD_END, 0, 'latin1');
      if (headEnd < 0) {
        this.wait(bytes, bytes.length <= MAX_HEAD_BYTES && startsLike(bytes, this.services.requestLine));
        return;
      }
      const head = headEnd > MAX_HEAD_BYTES ? undefined : this.headOf(bytes.toString('latin1', 0, headEnd + 2));
      const bodyEnd = headEnd + 4 + (head?.contentLength ?? 0);
      if (head === undefined || bytes.length < bodyEnd) {
        this.wait(bytes, head !== undefined);
        return;
      }
      this.busy = true;
      this.services.serve(head, bytes.toString('utf8', headEnd + 4, bodyEnd), this);
      if (bytes.length === bodyEnd) return;
      bytes = bytes.subarray(bodyEnd);
      if (this.busy || this.socket.writableNeedDrain) {
        this.holdBack(bytes);
        return;
      }
    }
  }

  private holdBack(bytes: Buffer): void {
    this.socket.pause();
    this.socket.unshift(bytes);
  }

  private wait(bytes: Buffer, plainSoFar: boolean): void {
    this.waiting = bytes;
    if (!plainSoFar) this.leave();
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
