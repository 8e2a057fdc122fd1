import type { AdminSeams } from '../../src/create-admin';

/** Thrown where the process "dies". */
export class SimulatedCrash extends Error {}

/**
 * Kills a service in this process at the n-th moment that matters: after something happened in Redis, after a commit in MySQL, after a
 * lease was taken. From then on everything it tries fails, as nothing runs in a dead process, until it is revived.
 */
export class CrashPlan {
  private left = Infinity;
  private dead = false;

  readonly seams: AdminSeams = {
    store: (store) => this.guard(store, () => true),
    flowSettings: (store) => this.guard(store, () => true),
    database: (database) => {
      const operations = this.guard(database.operations, (name) => name === 'lease');
      return this.guard(database, (name) => name === 'transaction', { operations });
    },
  };

  /** Dies after the n-th such moment from now, n = 1 the first. */
  arm(n: number): void {
    this.left = n;
    this.dead = false;
  }

  /** Back to life. @returns whether it had died. */
  revive(): boolean {
    const died = this.dead;
    this.left = Infinity;
    this.dead = false;
    return died;
  }

  private guard<T extends object>(target: T, counts: (name: string) => boolean, replaced: object = {}): T {
    return new Proxy(target, {
      get: (inner, name) => {
        if (name in replaced) return (replaced as Record<string | symbol, unknown>)[name];
        const member: unknown = Reflect.get(inner, name);
        if (typeof member !== 'function') return member;
        return async (...args: unknown[]) => {
          this.requireLife();
          const result: unknown = await Reflect.apply(member, inner, args);
          if (counts(String(name))) this.pass();
          return result;
        };
      },
    });
  }

  private pass(): void {
    this.requireLife();
    this.left -= 1;
    if (this.left > 0) return;
    this.dead = true;
    throw new SimulatedCrash('killed');
  }

  private requireLife(): void {
    if (this.dead) throw new SimulatedCrash('dead');
  }
}
