import type { ServerResponse } from 'node:http';
import type { TicketState } from '@coupon/lua';
import type { TicketFollower } from '../use-cases/follow-tickets.use-case';
import { ticketView } from './ticket-view';

export const STREAM_HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  // nginx and what descends from it would hold events back until a buffer is full.
  'X-Accel-Buffering': 'no',
} as const;

/** A client that has read nothing for that many heartbeats is gone. */
const STALLED_HEARTBEATS = 2;

/**
 * One ticket's events as server-sent events (WHATWG HTML, section 9.2). Ends after the terminal one. While the socket is full nothing is
 * written: the newest state follows when it has drained, so what waits for a slow reader is one event at most.
 */
export class TicketStream implements TicketFollower {
  private full = false;
  private stalled = 0;

  constructor(
    private readonly response: ServerResponse,
    private readonly ticket: string,
    /** After which time a client comes back when the stream breaks off. */
    private readonly retryMs: number,
  ) {}

  /** Sends the head and the first event. @returns whether the stream goes on. */
  open(state: TicketState): boolean {
    this.response.writeHead(200, STREAM_HEADERS);
    this.write(`retry: ${this.retryMs}\n\n${this.event(state)}`);
    if (state.status !== 'QUEUED') this.response.end();
    return state.status === 'QUEUED';
  }

  changed(state: TicketState): boolean {
    if (this.full) return false;
    this.write(this.event(state));
    if (state.status !== 'QUEUED') this.response.end();
    return true;
  }

  stillThere(): void {
    if (!this.full) {
      this.write(':\n\n');
      return;
    }
    this.stalled += 1;
    if (this.stalled >= STALLED_HEARTBEATS) this.response.destroy();
  }

  close(reason: 'shutdown' | 'forgotten'): void {
    this.response.end(`: ${reason}\nretry: ${this.retryMs}\n\n`);
  }

  /** The id lets a client that comes back say that it has seen the end. */
  private event(state: TicketState): string {
    const id = state.status === 'QUEUED' ? `QUEUED-${state.position}` : state.status;
    return `id: ${id}\ndata: ${JSON.stringify(ticketView(this.ticket, state))}\n\n`;
  }

  private write(text: string): void {
    if (this.response.write(text)) return;
    this.full = true;
    this.response.once('drain', () => {
      this.full = false;
      this.stalled = 0;
    });
  }
}
