import { Agent, request } from 'node:http';
import { DtmUnavailableError } from './errors';
import type { SagaState } from './saga';

const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const BASE_PATH = '/api/dtmsvr';

export interface HttpApiOptions {
  /** Origin of the HTTP API, with or without `/api/dtmsvr`: `http://dtm:36789`. */
  readonly url: string;
  /** For one call. A submit that waits takes up to 6 s. @default 8000 */
  readonly timeoutMs?: number;
  /** Connections kept open. @default 32 */
  readonly maxIdleSockets?: number;
}

/** DTM's HTTP API under `/api/dtmsvr`. One deadline per call, connections are kept. */
export class HttpApi {
  readonly #base: URL;
  readonly #agent: Agent;
  readonly #timeoutMs: number;

  constructor({ url, timeoutMs = 8000, maxIdleSockets = 32 }: HttpApiOptions) {
    const base = new URL(url);
    if (base.protocol !== 'http:') throw new TypeError('the URL of DTM must begin with http://');
    base.pathname = base.pathname.replace(/\/+$/, '').replace(/\/api\/dtmsvr$/, '') + BASE_PATH;
    this.#base = base;
    this.#timeoutMs = timeoutMs;
    this.#agent = new Agent({ keepAlive: true, maxFreeSockets: maxIdleSockets });
  }

  post(path: string, body: object): Promise<{ readonly status: number; readonly body: unknown }> {
    return this.#call('POST', path, JSON.stringify(body));
  }

  async query(gid: string): Promise<SagaState> {
    const { status, body } = await this.#call('GET', `/query?gid=${encodeURIComponent(gid)}`);
    if (status !== 200) throw new DtmUnavailableError(`DTM answered ${status} to a query: ${messageOf(body)}`);
    return toState(body);
  }

  close(): void {
    this.#agent.destroy();
  }

  #call(method: string, path: string, body = ''): Promise<{ status: number; body: unknown }> {
    const url = new URL(this.#base.pathname + path, this.#base);
    const headers =
      body === '' ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown): void => {
        const reason = cause instanceof Error ? cause.message : String(cause);
        reject(new DtmUnavailableError(`DTM does not answer: ${reason}`, { cause }));
      };
      const signal = AbortSignal.timeout(this.#timeoutMs);
      const call = request(url, { method, headers, agent: this.#agent, signal }, (answer) => {
        const chunks: Buffer[] = [];
        let length = 0;
        answer.on('data', (chunk: Buffer) => {
          length += chunk.length;
          if (length > MAX_ANSWER_BYTES) answer.destroy(new Error('the answer is too long'));
          else chunks.push(chunk);
        });
        answer.on('error', fail);
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          try {
            resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) as unknown });
          } catch {
            fail(new Error(`an answer with status ${answer.statusCode ?? 0} that is not DTM's`));
          }
        });
      });
      call.on('error', fail);
      call.end(body);
    });
  }
}

export function messageOf(body: unknown): string {
  const message = (body as { message?: unknown } | null)?.message;
  return typeof message === 'string' ? message : '';
}

function toState(body: unknown): SagaState {
  const { transaction } = (body ?? {}) as { transaction?: { status?: unknown; rollback_reason?: unknown } | null };
  if (transaction === null) return { kind: 'unknown' };
  const reason = typeof transaction?.rollback_reason === 'string' ? transaction.rollback_reason : '';
  switch (transaction?.status) {
    case 'prepared':
      return { kind: 'prepared' };
    case 'submitted':
      return { kind: 'running' };
    case 'aborting':
      return { kind: 'rolling-back', reason };
    case 'succeed':
      return { kind: 'succeeded' };
    case 'failed':
      return { kind: 'failed', reason };
    default:
      throw new DtmUnavailableError('DTM answered a query with a status that is none of its own');
  }
}
