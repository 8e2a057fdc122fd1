import type { Socket } from 'node:net';
import { LaneConnection } from './lane-connection';
import type { LaneServices } from './lane-connection';
import type { PlainHead } from './plain-request';
import type { HttpReply } from '../claim-reply';

export interface FastLaneOptions {
  /** The path of the hot route; the method is POST. */
  readonly path: string;
  /** Takes a plain request; its answer goes to the connection, once, now or later. */
  readonly serve: (head: PlainHead, body: string, connection: LaneConnection) => void;
  readonly errorReply: (error: unknown) => HttpReply;
  /** Idle connections are closed after this long, as node:http does. @default 65000 */
  readonly keepAliveTimeoutMs?: number;
  /** A request that is not complete by then is left to node:http and its timeouts. @default 2000 */
  readonly partialTimeoutMs?: number;
  /** How often the two timeouts are looked at. @default 1000 */
  readonly sweepMs?: number;
}

/**
 * A lean HTTP/1.1 front for the hot route on the port of node:http. It serves connections as long as their requests have the plain form (see
 * plain-request.ts) and gives a connection to node:http, for good, with the first one that has not. It forwards nothing, so there is no
 * second reading of a request that could differ.
 */
export class FastLane {
  private readonly connections = new Set<LaneConnection>();
  private readonly services: LaneServices;
  private readonly sweep: NodeJS.Timeout;
  private readonly keepAliveTimeoutMs: number;
  private readonly partialTimeoutMs: number;
  private stopping = false;
  private tailSecond = 0;
  private keepTail = '';
  private closeTail = '';

  constructor(options: FastLaneOptions) {
    this.keepAliveTimeoutMs = options.keepAliveTimeoutMs ?? 65_000;
    this.partialTimeoutMs = options.partialTimeoutMs ?? 2_000;
    this.services = {
      requestLine: `POST ${options.path} HTTP/1.1\r\n`,
      serve: options.serve,
      errorReply: options.errorReply,
      tail: (close) => this.tail(close),
      left: (connection) => this.connections.delete(connection),
      nowMs: () => Date.now(),
    };
    this.sweep = setInterval(() => {
      this.look();
    }, options.sweepMs ?? 1_000);
    this.sweep.unref();
  }

  /** Takes a new connection; `toHttp` serves it when it leaves the lane, and when it comes after `stopIntake`. */
  accept(socket: Socket, toHttp: (socket: Socket) => void): void {
    if (this.stopping) toHttp(socket);
    else this.connections.add(new LaneConnection(socket, this.services, toHttp));
  }

  /** Connections in the lane. */
  get size(): number {
    return this.connections.size;
  }

  /** Closes what is idle; requests being served are answered with `Connection: close`, requests still arriving are left to node:http. */
  stopIntake(): void {
    this.stopping = true;
    for (const connection of [...this.connections]) connection.finish();
  }

  /** Cuts every connection. */
  close(): void {
    this.stopping = true;
    clearInterval(this.sweep);
    for (const connection of [...this.connections]) connection.destroy();
  }

  private look(): void {
    const nowMs = Date.now();
    for (const connection of [...this.connections]) {
      if (connection.busy) continue;
      const forMs = nowMs - connection.since;
      if (connection.partial) {
        if (forMs > this.partialTimeoutMs) connection.leave();
      } else if (forMs > this.keepAliveTimeoutMs) connection.destroy();
    }
  }

  private tail(close: boolean): string {
    const second = Math.floor(Date.now() / 1_000);
    if (second !== this.tailSecond) {
      this.tailSecond = second;
      const date = `Date: ${new Date(second * 1_000).toUTCString()}\r\n`;
      this.closeTail = `${date}Connection: close\r\n\r\n`;
      this.keepTail = `${date}Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(this.keepAliveTimeoutMs / 1_000)}\r\n\r\n`;
    }
    return close ? this.closeTail : this.keepTail;
  }
}
