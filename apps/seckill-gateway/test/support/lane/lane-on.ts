import type { ClaimId } from '@coupon/domain';
import { LaneConnection } from '../../../src/http/fast-lane/lane-connection';
import type { PlainHead } from '../../../src/http/fast-lane/plain-request';
import type { ClaimAnswer } from '../../../src/use-cases/claim-answer';
import { MemorySocket } from './memory-socket';

export const REQUEST_LINE = 'POST /p HTTP/1.1\r\n';

export const plain = (body: string, extra = ''): string =>
  `${REQUEST_LINE}Host: x\r\n${extra}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

export interface Served {
  readonly head: PlainHead;
  readonly body: string;
  readonly connection: LaneConnection;
}

/** A connection whose requests wait until the spec answers them, unless `answer` does at once. */
export function laneOn(answer?: (served: Served) => void): {
  socket: MemorySocket;
  connection: LaneConnection;
  served: Served[];
  /** Bytes that node:http was given, once it was given the connection. */
  handed: () => string | undefined;
  bodies: () => string[];
  left: () => number;
} {
  const socket = new MemorySocket();
  const served: Served[] = [];
  let handed: string | undefined;
  let left = 0;
  const connection = new LaneConnection(
    socket.asSocket,
    {
      requestLine: REQUEST_LINE,
      serve: (head, body, by) => {
        const entry = { head, body, connection: by };
        served.push(entry);
        answer?.(entry);
      },
      errorReply: (error) => ({ status: 400, headers: {}, body: String(error) }),
      tail: (close) => (close ? 'Close\r\n\r\n' : 'Keep\r\n\r\n'),
      left: () => (left += 1),
      nowMs: () => Date.now(),
    },
    (given) => {
      handed = '';
      given.on('data', (chunk: Buffer) => (handed += chunk.toString('latin1')));
      given.on('error', () => undefined);
    },
  );
  return {
    socket,
    connection,
    served,
    handed: () => handed,
    bodies: () => served.map(({ body }) => body),
    left: () => left,
  };
}

const won = (body: string): ClaimAnswer => ({
  kind: 'won',
  claimId: body as ClaimId,
  couponSns: ['CP'],
  available: 1,
  replayed: false,
});

export const answerWithBody = ({ connection, body }: Served): void => {
  connection.answered(won(body));
};

/** The bodies that the answers on a connection speak of, in their order. */
export const answered = (text: string): string[] =>
  [...text.matchAll(/"claim_id":"([^"]*)"/g)].map(([, body]) => body ?? '');
