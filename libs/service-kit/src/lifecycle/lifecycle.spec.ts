import type { Clock } from '../clock';
import { createLogger } from '../logging/create-logger';
import { createLifecycle } from './lifecycle';
import type { Component, Lifecycle } from './lifecycle';

/** A clock that moves only by hand. */
function manualClock(): Clock & { advance(ms: number): void } {
  let now = 0;
  let timers: { at: number; run: () => void }[] = [];
  return {
    nowMs: () => now,
    after: (delayMs, run) => {
      const timer = { at: now + delayMs, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance: (ms) => {
      now += ms;
      const due = timers.filter(({ at }) => at <= now);
      timers = timers.filter(({ at }) => at > now);
      due.forEach(({ run }) => {
        run();
      });
    },
  };
}

function setup(...components: Component[]): {
  lifecycle: Lifecycle;
  clock: ReturnType<typeof manualClock>;
  states: string[];
} {
  const clock = manualClock();
  const logger = createLogger({ name: 'test', level: 'silent' });
  const lifecycle = createLifecycle({ logger, deadlineMs: 1_000, clock });
  const states: string[] = [];
  lifecycle.onState((state) => states.push(state));
  components.forEach((component) => {
    lifecycle.register(component);
  });
  return { lifecycle, clock, states };
}

function recorder(events: string[], name: string, overrides: Partial<Component> = {}): Component {
  const step = (phase: string) => () => {
    events.push(`${name}.${phase}`);
  };
  return {
    name,
    start: step('start'),
    stopIntake: step('stopIntake'),
    drain: step('drain'),
    close: step('close'),
    ...overrides,
  };
}

const never = (): Promise<void> => new Promise(() => undefined);
/** Lets pending promise callbacks run. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('lifecycle', () => {
  it('STARTING -> RUNNING: starts components in the order of registration, one after the other', async () => {
    const events: string[] = [];
    const { lifecycle, states } = setup(recorder(events, 'db'), recorder(events, 'http'));
    expect(lifecycle.state).toBe('STARTING');
    await lifecycle.start();
    expect(events).toEqual(['db.start', 'http.start']);
    expect(states).toEqual(['RUNNING']);
  });

  it('RUNNING -> DRAINING -> STOPPED: readiness off, stop intake, drain, close, each in reverse order', async () => {
    const events: string[] = [];
    const { lifecycle } = setup(recorder(events, 'db'), recorder(events, 'http'));
    await lifecycle.start();
    events.length = 0;
    lifecycle.onState((state) => events.push(state));
    await expect(lifecycle.stop('test')).resolves.toBe('STOPPED');
    expect(events).toEqual([
      'DRAINING',
      'http.stopIntake',
      'db.stopIntake',
      'http.drain',
      'db.drain',
      'http.close',
      'db.close',
      'STOPPED',
    ]);
  });

  it('stops once, however often it is asked', async () => {
    const events: string[] = [];
    const { lifecycle } = setup(recorder(events, 'db'));
    await lifecycle.start();
    await Promise.all([lifecycle.stop('a'), lifecycle.stop('b')]);
    await lifecycle.stop('c');
    expect(events.filter((event) => event === 'db.close')).toHaveLength(1);
  });

  it('STARTING -> FAILED: a failed start closes what was started, itself included, and tells why', async () => {
    const events: string[] = [];
    const broken = recorder(events, 'redis', { start: () => Promise.reject(new Error('ECONNREFUSED')) });
    const { lifecycle, states } = setup(recorder(events, 'db'), broken, recorder(events, 'http'));
    await expect(lifecycle.start()).rejects.toThrow('redis did not start: ECONNREFUSED');
    expect(states).toEqual(['DRAINING', 'FAILED']);
    expect(events).toEqual(expect.arrayContaining(['redis.close', 'db.close']));
    expect(events).not.toContain('http.start');
    expect(events).not.toContain('http.close');
  });

  it('STARTING -> STOPPED: a stop during the start lets the current component finish and starts no more', async () => {
    const events: string[] = [];
    let finish = (): void => undefined;
    const slow = recorder(events, 'db', {
      start: () =>
        new Promise<void>((resolve) => {
          finish = resolve;
        }),
    });
    const { lifecycle } = setup(slow, recorder(events, 'http'));
    const starting = lifecycle.start();
    const stopping = lifecycle.stop('SIGTERM');
    await turn();
    expect(events).toEqual([]);
    finish();
    await starting;
    await expect(stopping).resolves.toBe('STOPPED');
    expect(events).toEqual(['db.stopIntake', 'db.drain', 'db.close']);
  });

  it('RUNNING -> FAILED: a fatal error of a component ends the service in order', async () => {
    const events: string[] = [];
    const { lifecycle } = setup(recorder(events, 'db'));
    await lifecycle.start();
    await expect(lifecycle.fail(new Error('disk gone'))).resolves.toBe('FAILED');
    expect(lifecycle.failure?.message).toBe('disk gone');
    expect(events).toContain('db.close');
  });

  it('DRAINING -> FAILED at the deadline: aborts the drain, closes everything all the same', async () => {
    const events: string[] = [];
    let signal: AbortSignal | undefined;
    const stuck = recorder(events, 'http', {
      drain: (given) => {
        signal = given;
        return never();
      },
    });
    const { lifecycle, clock } = setup(recorder(events, 'db'), stuck);
    await lifecycle.start();
    const stopping = lifecycle.stop('SIGTERM');
    await turn();
    clock.advance(999);
    await turn();
    expect(signal?.aborted).toBe(false);
    clock.advance(1);
    await expect(stopping).resolves.toBe('FAILED');
    expect(signal?.aborted).toBe(true);
    expect(events).toEqual(expect.arrayContaining(['http.close', 'db.close']));
    expect(events).not.toContain('db.drain');
    expect(lifecycle.failure?.message).toMatch('not done after 1000 ms');
  });

  it('DRAINING -> FAILED when forced, without waiting for the deadline', async () => {
    const { lifecycle } = setup({ name: 'http', drain: never });
    await lifecycle.start();
    const stopping = lifecycle.stop('SIGTERM');
    await turn();
    lifecycle.force('second SIGTERM');
    await expect(stopping).resolves.toBe('FAILED');
  });

  it('does not hang on a close that never returns', async () => {
    const { lifecycle, clock } = setup({ name: 'db', close: never });
    await lifecycle.start();
    const stopping = lifecycle.stop('SIGTERM');
    await turn();
    clock.advance(1_000);
    await turn();
    clock.advance(1_000);
    await expect(stopping).resolves.toBe('FAILED');
  });

  it('goes on ending the others when one fails to close, and reports FAILED', async () => {
    const events: string[] = [];
    const broken = recorder(events, 'http', {
      close: () => {
        throw new Error('boom');
      },
    });
    const { lifecycle } = setup(recorder(events, 'db'), broken);
    await lifecycle.start();
    await expect(lifecycle.stop('x')).resolves.toBe('FAILED');
    expect(events).toContain('db.close');
    expect(lifecycle.failure?.message).toBe('http failed in close: boom');
  });

  it('ignores a force when nothing is ending, and refuses components that come too late', async () => {
    const { lifecycle } = setup();
    await lifecycle.start();
    lifecycle.force('x');
    expect(lifecycle.state).toBe('RUNNING');
    expect(() => {
      lifecycle.register({ name: 'late' });
    }).toThrow('after the start');
  });
});
