import type { ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import { settled } from '../../test/manual-clock';
import { TicketStream } from './ticket-stream';

/** A response whose reader takes a chunk only when `read` is called, once `slow` is set. */
class SlowResponse extends Writable {
  head: [number, unknown] | undefined;
  text = '';
  slow = false;
  private go = (): void => undefined;

  constructor() {
    super({ highWaterMark: 1 });
  }
  writeHead(status: number, headers: unknown): this {
    this.head = [status, headers];
    return this;
  }
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    if (this.slow) this.go = done;
    else done();
  }
  async read(): Promise<void> {
    this.go();
    await settled();
  }
}

function open(): { response: SlowResponse; stream: TicketStream } {
  const response = new SlowResponse();
  const stream = new TicketStream(response as unknown as ServerResponse, '42-T1', 1_500);
  return { response, stream };
}

describe('a ticket as server-sent events', () => {
  it('is the same object as GET answers, from the state at hand to the terminal one', async () => {
    const { response, stream } = open();
    expect(stream.open({ status: 'QUEUED', position: 3 })).toBe(true);
    await settled();
    expect(stream.changed({ status: 'QUEUED', position: 1 })).toBe(true);
    await settled();
    expect(stream.changed({ status: 'LOST', code: 'SOLD_OUT', reason: 'sold_out' })).toBe(true);
    await settled();
    expect(response.head).toEqual([
      200,
      expect.objectContaining({ 'Content-Type': 'text/event-stream; charset=utf-8' }),
    ]);
    expect(response.text).toBe(
      'retry: 1500\n\n' +
        'id: QUEUED-3\ndata: {"ticket":"42-T1","status":"QUEUED","position":3}\n\n' +
        'id: QUEUED-1\ndata: {"ticket":"42-T1","status":"QUEUED","position":1}\n\n' +
        'id: LOST\ndata: {"ticket":"42-T1","status":"LOST","code":"SOLD_OUT"}\n\n',
    );
    expect(response.writableEnded).toBe(true);
  });

  it('ends at once for a ticket that has ended', () => {
    const { response, stream } = open();
    expect(stream.open({ status: 'EXPIRED' })).toBe(false);
    expect(response.writableEnded).toBe(true);
  });

  it('takes nothing while its reader is slow, and goes on when it has read', async () => {
    const { response, stream } = open();
    response.slow = true;
    stream.open({ status: 'QUEUED', position: 3 });
    expect(stream.changed({ status: 'QUEUED', position: 2 })).toBe(false);
    stream.stillThere();
    await response.read();
    expect(stream.changed({ status: 'QUEUED', position: 1 })).toBe(true);
    expect(response.text).not.toContain('QUEUED-2');
    expect(response.text).toContain('QUEUED-1');
    expect(response.destroyed).toBe(false);
  });

  it('gives up a reader that has read nothing for two heartbeats', () => {
    const { response, stream } = open();
    response.slow = true;
    stream.open({ status: 'QUEUED', position: 3 });
    stream.stillThere();
    expect(response.destroyed).toBe(false);
    stream.stillThere();
    expect(response.destroyed).toBe(true);
  });

  it('says when to come back as it closes', async () => {
    const { response, stream } = open();
    stream.open({ status: 'QUEUED', position: 3 });
    await settled();
    stream.close('shutdown');
    await settled();
    expect(response.text.endsWith(': shutdown\nretry: 1500\n\n')).toBe(true);
    expect(response.writableEnded).toBe(true);
  });
});
