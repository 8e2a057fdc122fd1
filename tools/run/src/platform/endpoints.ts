import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { REPOSITORY } from './layout';

/** `.run/endpoints.json`: where everything is, while anything is up. */
export interface Endpoints {
  readonly gateway_http: string;
  readonly gateway_grpc: string;
  readonly admin_http: string;
  readonly admin_grpc: string;
  readonly saga_http: string;
  readonly saga_grpc: string;
  readonly worker_http: string;
  readonly mysql_url: string;
  readonly redis_url: string;
  readonly amqp_url: string;
  /** The coordinator of sagas and what belongs to it, where saga-participant is up. */
  readonly dtm_url?: string;
  readonly dtm_grpc?: string;
  readonly shop_mysql_url?: string;
  /** Signs payment notifications (`X-Signature`). */
  readonly payment_webhook_secret?: string;
  /**
   * Each app instance by name, and what to send SIGTERM to end it all: `owner` is the command that looks after everything; where it has
   * left, `apps_keeper`, `dtm_keeper` and `servers_keeper` (the watchdogs) are.
   */
  readonly pids: Readonly<Record<string, number>>;
  /** Further gateway instances. */
  readonly gateways?: readonly { readonly http: string; readonly grpc: string }[];
  readonly auth?: { readonly mode: 'jwt'; readonly hs256_secret: string; readonly operator_token: string };
}

export function readEndpoints(file: string): Endpoints | undefined {
  if (!existsSync(file)) return undefined;
  return JSON.parse(readFileSync(file, 'utf8')) as Endpoints;
}

/** Whole or not at all: a reader never sees half a file. Readable by the owner only, it holds passwords. */
export function writeEndpoints(file: string, endpoints: Endpoints): void {
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(endpoints, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, file);
}

export function removeEndpoints(file: string): void {
  rmSync(file, { force: true });
}

const OWNERS = ['owner', 'apps_keeper', 'dtm_keeper', 'servers_keeper'];

/** The processes to end, in this order: the apps go before the servers, and the coordinator before its store. */
export function ownersOf(endpoints: Endpoints): number[] {
  return OWNERS.flatMap((name) => endpoints.pids[name] ?? []);
}

/** What is up now according to the file; undefined when the file is left from something that is gone. */
export function liveEndpoints(file: string): Endpoints | undefined {
  const endpoints = readEndpoints(file);
  return endpoints && ownersOf(endpoints).some(isOurs) ? endpoints : undefined;
}

/** True while the process runs and is one of this clone's: the system gives numbers out again. */
export function isOurs(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false; // gone, or somebody else's
  }
  if (!existsSync('/proc/self/cmdline')) return true;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(REPOSITORY);
  } catch {
    return false; // gone in between
  }
}
