import type { ActivityId } from '@coupon/domain';
import type { DecideResult } from '@coupon/lua';
import { ManualClock, settled } from '../../test/manual-clock';
import { DecideTickets } from './decide-tickets.use-case';
import type { TicketSession } from './ticket-session';

const A = '1' as ActivityId;
const B = '2' as ActivityId;
const HOUR_MS = 3_600_000;

/** Queues as numbers: how many tickets wait where, and which of them can be decided. */
class Queues {
  readonly waiting = new Map<ActivityId, number>();
  readonly stuck = new Set<ActivityId>();
  readonly listed = new Map<ActivityId, number>();
  readonly calls: ActivityId[] = [];
  readonly forgotten: [ActivityId, number][] = [];
  records = 1;
  broken = false;
  gate: Promise<void> = Promise.resolve();

  async decide(id: ActivityId, _runId: string, { count }: { count: number }): Promise<DecideResult> {
    this.calls.push(id);
    await this.gate;
    if (this.broken) throw new Error('Connection is closed.');
    const waiting = this.waiting.get(id) ?? 0;
    const won = this.stuck.has(id) ? 0 : Math.min(count, waiting);
    this.waiting.set(id, waiting - won);
    const rest = { records: this.records, forgotten: 0, lost: 0, expired: 0 };
    return { activity: this.stuck.has(id) ? 'paused' : 'decided', waiting: waiting - won, won, ...rest };
  }

  registered(): Promise<ReadonlyMap<ActivityId, number>> {
    return Promise.resolve(new Map(this.listed));
  }

  forget(id: ActivityId, lastRegisteredMs: number): Promise<boolean> {
    this.forgotten.push([id, lastRegisteredMs]);
    return Promise.resolve(this.listed.delete(id));
  }
}

function setUp(): {
  queues: Queues;
  clock: ManualClock;
  decide: DecideTickets;
  failures: string[];
  ended: () => number;
  connect: (connected: boolean) => void;
} {
  const queues = new Queues();
  const clock = new ManualClock();
  const failures: string[] = [];
  let ended = 0;
  let connected = true;
  const session = { queue: queues, runId: 'run' } as unknown as TicketSession;
  const decide = new DecideTickets(
    { batchSize: 10, resultTtlMs: 900_000, sweepIntervalMs: 1_000 },
    {
      session: () => (connected ? session : null),
      clock,
      metrics: { decided: ({ won }) => void (ended += won), failed: (step) => void failures.push(step) },
    },
  );
  return { queues, clock, decide, failures, ended: () => ended, connect: (now) => (connected = now) };
}

describe('deciding tickets', () => {
  it('works on a queue it was told of until it is empty', async () => {
    const { queues, decide, ended } = setUp();
    queues.waiting.set(A, 25);
    decide.wake(A);
    await settled();
    expect(queues.calls).toEqual([A, A, A]);
    expect(ended()).toBe(25);
  });

  it('looks at all listed queues with every sweep: tickets of a gateway that died are ended', async () => {
    const { queues, clock, decide, ended } = setUp();
    for (const id of [A, B]) {
      queues.waiting.set(id, 3);
      queues.listed.set(id, clock.nowMs());
    }
    decide.start();
    await clock.advance(999);
    expect(queues.calls).toEqual([]);
    await clock.advance(1);
    expect(ended()).toBe(6);
  });

  it('asks a queue that cannot move once per sweep, not in a circle', async () => {
    const { queues, clock, decide } = setUp();
    queues.waiting.set(A, 5);
    queues.stuck.add(A);
    queues.listed.set(A, clock.nowMs());
    decide.start();
    await clock.advance(3_000);
    expect(queues.calls).toEqual([A, A, A]);
  });

  it('sees a ticket that comes while the queue is being worked on', async () => {
    const { queues, decide, ended } = setUp();
    let open = (): void => undefined;
    queues.gate = new Promise((resolve) => (open = resolve));
    queues.waiting.set(A, 1);
    decide.wake(A);
    decide.wake(A);
    open();
    await settled();
    expect(queues.calls).toEqual([A, A]);
    expect(ended()).toBe(1);
  });

  it('tries again with the next sweep what failed, or found no connection', async () => {
    const { queues, clock, decide, failures, ended, connect } = setUp();
    queues.waiting.set(A, 2);
    queues.listed.set(A, clock.nowMs());
    queues.broken = true;
    decide.start();
    decide.wake(A);
    await settled();
    connect(false);
    await clock.advance(1_000);
    expect(failures).toEqual(['decide']);
    queues.broken = false;
    connect(true);
    await clock.advance(1_000);
    expect(ended()).toBe(2);
  });

  it('takes a queue off the list when it is empty, has no results left and nobody has used it for an hour', async () => {
    const { queues, clock, decide } = setUp();
    const registeredMs = clock.nowMs();
    queues.listed.set(A, registeredMs);
    decide.start();
    queues.records = 0;
    await clock.advance(HOUR_MS - 1_000);
    expect(queues.forgotten).toEqual([]);
    queues.records = 2;
    await clock.advance(2_000);
    expect(queues.forgotten).toEqual([]);
    queues.records = 0;
    await clock.advance(1_000);
    expect(queues.forgotten).toEqual([[A, clock.nowMs() - HOUR_MS]]);
    expect(queues.forgotten[0]?.[1]).toBeGreaterThanOrEqual(registeredMs);
  });

  it('ends after the call under way and begins nothing new', async () => {
    const { queues, clock, decide } = setUp();
    let open = (): void => undefined;
    queues.gate = new Promise((resolve) => (open = resolve));
    queues.waiting.set(A, 25);
    decide.start();
    decide.wake(A);
    decide.stopIntake();
    let drained = false;
    const draining = decide.drain().then(() => (drained = true));
    await settled();
    expect(drained).toBe(false);
    open();
    await draining;
    decide.wake(B);
    await clock.advance(5_000);
    expect(queues.calls).toEqual([A]);
    expect(clock.timers).toBe(0);
  });
});
