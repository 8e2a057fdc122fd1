import { connect } from 'node:net';

export interface Conversation {
  readonly pieces: readonly Buffer[];
  /** Milliseconds between two pieces; 0 waits for the next turn of the event loop. */
  readonly pauseMs: number;
  /** Answers to wait for before the client ends its side; undefined ends it with the last byte. */
  readonly answersBeforeEnd: number | undefined;
}

export interface Heard {
  readonly text: string;
  readonly reset: boolean;
  /** The server did not close the connection in time. */
  readonly open: boolean;
}

const PATIENCE_MS = 5_000;

/** Says this to a server and listens until the connection is closed. */
export function converse(port: number, { pieces, pauseMs, answersBeforeEnd }: Conversation): Promise<Heard> {
  return new Promise((resolve) => {
    let text = '';
    let reset = false;
    let said = false;
    let ended = false;
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    const patience = setTimeout(() => {
      socket.destroy();
      resolve({ text, reset, open: true });
    }, PATIENCE_MS);
    const endWhenDue = (): void => {
      if (ended || !said || (answersBeforeEnd !== undefined && answersIn(text).length < answersBeforeEnd)) return;
      ended = true;
      socket.end();
    };
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      endWhenDue();
    });
    socket.on('end', () => {
      ended = true;
      socket.end();
    });
    socket.on('error', () => {
      reset = true;
    });
    socket.on('close', () => {
      clearTimeout(patience);
      resolve({ text, reset, open: false });
    });
    socket.on('connect', () => {
      void say();
    });
    async function say(): Promise<void> {
      for (const [index, piece] of pieces.entries()) {
        if (index > 0) await new Promise((next) => (pauseMs === 0 ? setImmediate(next) : setTimeout(next, pauseMs)));
        if (socket.writable) socket.write(piece);
      }
      said = true;
      endWhenDue();
    }
  });
}

/** The answers in what a server wrote, in order, an interim answer (100) as one of its own. No body of ours contains a status line. */
export function answersIn(text: string): string[] {
  return text === '' ? [] : text.split(/(?=HTTP\/1\.1 \d{3} )/);
}

/** Without what may differ from one moment to the next. */
export function normalized(text: string): string {
  return text.replace(/\r\nDate: [^\r]*/g, '\r\nDate: *');
}
