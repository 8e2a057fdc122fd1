import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { once } from 'node:events';

/**
 * A replica of a Redis that keeps nothing and acknowledges when it is told to, so that a test decides which writes count as replicated.
 * Speaks what a master expects of a replica: PSYNC, then REPLCONF ACK with the offset (https://redis.io/docs/latest/operate/oss_and_stack/management/replication/).
 */
export class HandMadeReplica {
  /** While false the master hears nothing of what arrived. */
  acknowledging = true;
  private offset = 0;
  private greeting: Buffer | undefined = Buffer.alloc(0);
  private timer: NodeJS.Timeout | undefined;

  private constructor(private readonly socket: Socket) {}

  /** Resolves when the master has sent its snapshot. */
  static async follow(redisUrl: string): Promise<HandMadeReplica> {
    const { hostname, port, password } = new URL(redisUrl);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    const replica = new HandMadeReplica(socket);
    // PSYNC is refused while an earlier answer is on its way.
    if (password !== '') {
      socket.write(`AUTH ${decodeURIComponent(password)}\r\n`);
      await once(socket, 'data');
    }
    const ready = replica.listen();
    socket.write('PSYNC ? -1\r\n');
    await ready;
    replica.timer = setInterval(() => {
      replica.acknowledge();
    }, 5);
    return replica;
  }

  async leave(): Promise<void> {
    clearInterval(this.timer);
    // The master may have gone before.
    if (this.socket.closed) return;
    this.socket.destroy();
    await once(this.socket, 'close');
  }

  private listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.on('error', reject);
      this.socket.on('data', (chunk: Buffer) => {
        if (this.greeting === undefined) {
          this.offset += chunk.length;
          return;
        }
        this.greeting = Buffer.concat([this.greeting, chunk]);
        if (this.readSnapshot(this.greeting)) resolve();
      });
    });
  }

  /** `+FULLRESYNC <id> <offset>`, then the snapshot as `$<length>` or, streamed, between two equal 40-byte marks. */
  private readSnapshot(bytes: Buffer): boolean {
    const text = bytes.toString('latin1');
    const head = /\+FULLRESYNC \w+ (\d+)\r\n[\n\r]*\$(?:EOF:(\w{40})|(\d+))\r\n/.exec(text);
    if (head === null) return false;
    const bodyAt = head.index + head[0].length;
    const mark = head[2];
    const markAt = mark === undefined ? -1 : text.indexOf(mark, bodyAt);
    const end = mark === undefined ? bodyAt + Number(head[3]) : markAt + 40;
    if ((mark !== undefined && markAt < 0) || bytes.length < end) return false;
    this.offset = Number(head[1]) + bytes.length - end;
    this.greeting = undefined;
    return true;
  }

  private acknowledge(): void {
    if (!this.acknowledging) return;
    const offset = String(this.offset);
    this.socket.write(`*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$${offset.length}\r\n${offset}\r\n`);
  }
}
