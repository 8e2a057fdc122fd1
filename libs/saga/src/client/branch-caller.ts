import { Agent, request } from 'node:http';
import { Client, Metadata, credentials } from '@grpc/grpc-js';
import type { BranchIdentity } from '../branch/branch-identity';
import { BranchCallError } from './errors';

export interface BranchCall {
  /** `http://host/path`, or `host:port/package.Service/Method`. */
  readonly address: string;
  readonly branch: BranchIdentity;
  /** JSON over HTTP, a serialized message over gRPC. */
  readonly payload: string | Buffer;
  /** Headers, or metadata. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface BranchCallerOptions {
  /** For one call. @default 3000, as DTM waits */
  readonly timeoutMs?: number;
}

/** Calls branches in the form in which DTM calls them. Any answer but success is an error. */
export class BranchCaller {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #channels = new Map<string, Client>();
  readonly #timeoutMs: number;

  constructor({ timeoutMs = 3000 }: BranchCallerOptions = {}) {
    this.#timeoutMs = timeoutMs;
  }

  /** @throws BranchCallError */
  async call(call: BranchCall): Promise<void> {
    try {
      await (/^https?:/.test(call.address) ? this.#overHttp(call) : this.#overGrpc(call));
    } catch (cause) {
      const { gid, branchId, op } = call.branch;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new BranchCallError(gid, `${op} of branch ${branchId}: ${reason}`, { cause });
    }
  }

  close(): void {
    this.#agent.destroy();
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }

  #overHttp({ address, branch, payload, headers }: BranchCall): Promise<void> {
    const url = new URL(address);
    const { gid, transType, branchId, op } = branch;
    for (const [name, value] of Object.entries({ gid, trans_type: transType, branch_id: branchId, op })) {
      url.searchParams.set(name, value);
    }
    const length = Buffer.byteLength(payload);
    const options = {
      method: 'POST',
      agent: this.#agent,
      signal: AbortSignal.timeout(this.#timeoutMs),
      headers: { ...headers, 'content-type': 'application/json', 'content-length': length },
    };
    return new Promise((resolve, reject) => {
      const call = request(url, options, (answer) => {
        answer.resume();
        answer.on('error', reject);
        answer.on('end', () => {
          if (answer.statusCode === 200) resolve();
          else reject(new Error(`answered with ${answer.statusCode ?? 0}`));
        });
      });
      call.on('error', reject);
      call.end(payload);
    });
  }

  #overGrpc({ address, branch, payload, headers }: BranchCall): Promise<void> {
    const slash = address.indexOf('/');
    const metadata = new Metadata();
    const { gid, transType, branchId, op } = branch;
    const names = { 'dtm-gid': gid, 'dtm-trans_type': transType, 'dtm-branch_id': branchId, 'dtm-op': op };
    for (const [name, value] of Object.entries({ ...headers, ...names })) metadata.set(name, value);
    const bytes = Buffer.from(payload);
    const options = { deadline: Date.now() + this.#timeoutMs };
    return new Promise((resolve, reject) => {
      const done = (error: Error | null): void => (error === null ? resolve() : reject(error));
      const method = address.slice(slash);
      const channel = this.#channel(address.slice(0, slash));
      channel.makeUnaryRequest(method, asBytes, asBytes, bytes, metadata, options, done);
    });
  }

  #channel(target: string): Client {
    let channel = this.#channels.get(target);
    if (channel === undefined) {
      channel = new Client(target, credentials.createInsecure(), {
        'grpc.use_local_subchannel_pool': 1,
        'grpc.initial_reconnect_backoff_ms': 100,
        'grpc.max_reconnect_backoff_ms': 1000,
      });
      this.#channels.set(target, channel);
    }
    return channel;
  }
}

/** Payloads are serialized already. */
function asBytes(bytes: Buffer): Buffer {
  return bytes;
}
