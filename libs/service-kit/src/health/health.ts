import type { Clock } from '../clock';
import type { LifecycleState } from '../lifecycle/lifecycle';
import { withoutCredentials } from '../logging/describe-error';

export interface HealthCheck {
  /** Name of the dependency: mysql, redis, rabbitmq. */
  readonly name: string;
  /** Rejects when the dependency cannot be used. The signal aborts at the timeout. */
  check(signal: AbortSignal): Promise<void>;
  /** Without it the service still does something useful: the answer is "degraded", not "down". @default false */
  readonly optional?: boolean;
  /** @default the registry's timeout */
  readonly timeoutMs?: number;
}

export interface CheckResult {
  readonly status: 'healthy' | 'unhealthy';
  readonly latency_ms: number;
  readonly error?: string;
}

export interface HealthBody {
  readonly status: 'ok' | 'degraded' | 'down';
  readonly checks: Readonly<Record<string, CheckResult>>;
}

export interface HealthReply {
  readonly status: 200 | 503;
  readonly body: HealthBody;
}

export interface HealthOptions {
  readonly clock: Clock;
  /** Where the service is in its life; readiness is off outside RUNNING. */
  readonly state: () => LifecycleState;
  /** @default 1000 */
  readonly timeoutMs?: number;
  /** For how long one round of checks answers all who ask, so that asking cannot load the dependencies. @default 250 */
  readonly reuseMs?: number;
}

/** Runs the checks of the dependencies for `/health`, `/health/live`, `/health/ready` and grpc.health.v1. */
export class Health {
  private readonly checks: HealthCheck[] = [];
  private round: { result: Promise<HealthReply>; finishedMs: number | undefined } | undefined;

  constructor(private readonly options: HealthOptions) {}

  register(check: HealthCheck): void {
    this.checks.push(check);
  }

  /** `GET /health`: every dependency; 503 when one that is needed is unhealthy. */
  report(): Promise<HealthReply> {
    const { clock, reuseMs = 250 } = this.options;
    const last = this.round;
    if (last !== undefined && (last.finishedMs === undefined || clock.nowMs() - last.finishedMs < reuseMs))
      return last.result;
    const round: NonNullable<typeof this.round> = { finishedMs: undefined, result: this.runAll() };
    this.round = round;
    void round.result.then(() => {
      round.finishedMs = clock.nowMs();
    });
    return round.result;
  }

  /** `GET /health/live`: the process can answer. A dead dependency is no reason to restart it. */
  live(): HealthReply {
    const dead = this.options.state() === 'FAILED';
    return { status: dead ? 503 : 200, body: { status: dead ? 'down' : 'ok', checks: {} } };
  }

  /** `GET /health/ready`: running, and no dependency that is needed is missing. */
  async ready(): Promise<HealthReply> {
    const before = this.options.state();
    if (before !== 'RUNNING') return notRunning(before);
    const report = await this.report();
    const after = this.options.state();
    return after === 'RUNNING' ? report : notRunning(after);
  }

  private async runAll(): Promise<HealthReply> {
    const results = await Promise.all(this.checks.map((check) => this.runOne(check)));
    const unhealthy = this.checks.filter((_, index) => results[index]?.status === 'unhealthy');
    const down = unhealthy.some((check) => check.optional !== true);
    return {
      status: down ? 503 : 200,
      body: {
        status: down ? 'down' : unhealthy.length > 0 ? 'degraded' : 'ok',
        checks: Object.fromEntries(
          this.checks.flatMap(({ name }, index) => (results[index] ? [[name, results[index]]] : [])),
        ),
      },
    };
  }

  private async runOne(check: HealthCheck): Promise<CheckResult> {
    const { clock, timeoutMs = 1_000 } = this.options;
    const limitMs = check.timeoutMs ?? timeoutMs;
    const startedMs = clock.nowMs();
    const abort = new AbortController();
    let cancel = (): void => undefined;
    const timeout = new Promise<never>((_, reject) => {
      cancel = clock.after(limitMs, () => {
        const error = new Error(`no answer within ${limitMs} ms`);
        reject(error);
        abort.abort(error);
      });
    });
    try {
      await Promise.race([check.check(abort.signal), timeout]);
      return { status: 'healthy', latency_ms: clock.nowMs() - startedMs };
    } catch (error) {
      return { status: 'unhealthy', latency_ms: clock.nowMs() - startedMs, error: errorText(error) };
    } finally {
      cancel();
    }
  }
}

function notRunning(state: LifecycleState): HealthReply {
  const lifecycle: CheckResult = { status: 'unhealthy', latency_ms: 0, error: state.toLowerCase() };
  return { status: 503, body: { status: 'down', checks: { lifecycle } } };
}

function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return withoutCredentials(text).replace(/\s+/g, ' ').slice(0, 200);
}
