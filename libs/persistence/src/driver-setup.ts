import DriverConnection from 'mariadb/lib/connection';

interface ConnectionInside {
  /** Set while somebody waits for the connection. */
  readonly connectRejectFct: unknown;
  authFailHandler(error: unknown): void;
  end(resolve: () => void, reject: () => void): void;
}

type Step = (this: ConnectionInside) => Promise<unknown>;

/** What the driver does between login and use. */
const STEPS = [
  'executeSessionVariableQuery',
  'handleCharset',
  'handleTimezone',
  'checkServerVersion',
  'executeInitQuery',
  'executeSessionTimeout',
] as const;

/** The driver's types know nothing of its parts. */
interface DriverClass {
  readonly prototype: Record<(typeof STEPS)[number], Step & { [SETTLED]?: true }>;
}

/** Marks a step as done, so that it is not wrapped twice. */
const SETTLED = Symbol.for('coupon.driver-setup');

/**
 * The driver (mariadb 3.4.5) tells whoever waits for a connection that one of the steps after the login has failed, and then rejects a promise
 * that nobody holds: a server that is killed at that moment would end the process. Here a failed step tells the one who waits, in the
 * driver's own way, and is over.
 */
export function settleFailedSteps(): void {
  const { prototype: steps } = DriverConnection as unknown as DriverClass;
  for (const name of STEPS) {
    const step = steps[name];
    if (step[SETTLED] === true) continue;
    steps[name] = Object.assign(settling(step), { [SETTLED]: true as const });
  }
}

function settling(step: Step): Step {
  return function (this: ConnectionInside): Promise<unknown> {
    const done = step.call(this);
    // Without anybody who waits for the connection it is a reset, whose caller holds the promise.
    if (this.connectRejectFct === null || this.connectRejectFct === undefined) return done;
    return done.catch((error: unknown) => {
      const tell = (): void => this.authFailHandler(error);
      if ((error as { fatal?: unknown }).fatal === true) tell();
      else this.end(tell, tell);
      return new Promise(() => undefined);
    });
  };
}
