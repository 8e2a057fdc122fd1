import type { ActivityId, TicketId } from '@coupon/domain';
import type { StoredTicket, TicketState } from '@coupon/lua';
import { ManualClock, settled } from '../../test/manual-clock';
import { FollowTickets } from './follow-tickets.use-case';
import type { TicketFollower } from './follow-tickets.use-case';
import type { TicketSession } from './ticket-session';

const ACTIVITY = '42' as ActivityId;
const OTHER = '43' as ActivityId;
const ticket = (n: number): TicketId => `T${n}` as TicketId;
const queued = (position: number): TicketState => ({ status: 'QUEUED', position });
const expired: TicketState = { status: 'EXPIRED' };

class Follower implements TicketFollower {
  readonly events: string[] = [];
  willing = true;
  changed(state: TicketState): boolean {
    if (this.willing) this.events.push(state.status === 'QUEUED' ? String(state.position) : state.status);
    return this.willing;
  }
  stillThere(): void {
    this.events.push('.');
  }
  close(reason: string): void {
    this.events.push(reason);
  }
}

function setUp(maxStreams = 10): {
  follow: FollowTickets;
  clock: ManualClock;
  states: Map<TicketId, TicketState>;
  reads: [ActivityId, readonly TicketId[]][];
  failures: string[];
  break: (error: Error | null) => void;
} {
  const clock = new ManualClock();
  const states = new Map<TicketId, TicketState>();
  const reads: [ActivityId, readonly TicketId[]][] = [];
  const failures: string[] = [];
  let broken: Error | null = null;
  const read = (id: ActivityId, tickets: readonly TicketId[]): Promise<(StoredTicket | null)[]> => {
    reads.push([id, tickets]);
    if (broken !== null) return Promise.reject(broken);
    return Promise.resolve(
      tickets.map((one) => {
        const state = states.get(one);
        return state === undefined ? null : { userId: '7' as never, state };
      }),
    );
  };
  const session = { queue: { read }, runId: 'run' } as unknown as TicketSession;
  const follow = new FollowTickets(
    { pollIntervalMs: 500, heartbeatMs: 15_000, maxStreams },
    { session: () => session, clock, metrics: { failed: (step) => void failures.push(step) } },
  );
  return { follow, clock, states, reads, failures, break: (error) => (broken = error) };
}

describe('following tickets', () => {
  it('reads once per activity and interval, however many follow', async () => {
    const { follow, clock, states, reads } = setUp();
    for (const n of [1, 2, 3]) states.set(ticket(n), queued(n));
    for (const n of [1, 2, 2, 3]) follow.follow(ACTIVITY, ticket(n), queued(n), new Follower());
    follow.follow(OTHER, ticket(1), queued(1), new Follower());
    expect(clock.timers).toBe(2);
    await clock.advance(500);
    expect(reads).toEqual([
      [ACTIVITY, [ticket(1), ticket(2), ticket(3)]],
      [OTHER, [ticket(1)]],
    ]);
    await clock.advance(499);
    expect(reads).toHaveLength(2);
  });

  it('tells a better position, never a worse one, and ends with the terminal state', async () => {
    const { follow, clock, states } = setUp();
    const follower = new Follower();
    follow.follow(ACTIVITY, ticket(1), queued(5), follower);
    for (const state of [queued(5), queued(3), queued(4), queued(2), expired, queued(1)]) {
      states.set(ticket(1), state);
      await clock.advance(500);
    }
    expect(follower.events).toEqual(['3', '2', 'EXPIRED']);
    expect([follow.streams, clock.timers]).toEqual([0, 0]);
  });

  it('offers the newest state again to a follower that could not take one', async () => {
    const { follow, clock, states } = setUp();
    const follower = new Follower();
    follow.follow(ACTIVITY, ticket(1), queued(5), follower);
    follower.willing = false;
    for (const state of [queued(3), expired]) {
      states.set(ticket(1), state);
      await clock.advance(500);
    }
    expect(follow.streams).toBe(1);
    follower.willing = true;
    await clock.advance(500);
    expect(follower.events).toEqual(['EXPIRED']);
    expect(follow.streams).toBe(0);
  });

  it('stops reading when the last follower has gone, and tells nobody who left during a reading', async () => {
    const { follow, clock, states, reads } = setUp();
    const follower = new Follower();
    states.set(ticket(1), queued(1));
    const stop = follow.follow(ACTIVITY, ticket(1), queued(5), follower);
    const advancing = clock.advance(500);
    stop();
    stop();
    await advancing;
    await clock.advance(5_000);
    expect(follower.events).toEqual([]);
    expect([reads.length, follow.streams, clock.timers]).toEqual([1, 0, 0]);
  });

  it('starts again for who comes while the last reading of a left activity is under way', async () => {
    const { follow, clock, states } = setUp();
    states.set(ticket(1), queued(2));
    const stop = follow.follow(ACTIVITY, ticket(1), queued(5), new Follower());
    const advancing = clock.advance(500);
    stop();
    const late = new Follower();
    follow.follow(ACTIVITY, ticket(1), queued(5), late);
    await advancing;
    await clock.advance(500);
    expect(late.events).toEqual(['2']);
    expect(clock.timers).toBe(1);
  });

  it('sends heartbeats while there is nothing to tell', async () => {
    const { follow, clock, states } = setUp();
    const follower = new Follower();
    states.set(ticket(1), queued(5));
    follow.follow(ACTIVITY, ticket(1), queued(5), follower);
    await clock.advance(30_000);
    expect(follower.events).toEqual(['.', '.']);
  });

  it('goes on after a reading that failed', async () => {
    const { follow, clock, states, failures, break: fail } = setUp();
    const follower = new Follower();
    states.set(ticket(1), queued(1));
    follow.follow(ACTIVITY, ticket(1), queued(5), follower);
    fail(new Error('Connection is closed.'));
    await clock.advance(500);
    fail(null);
    await clock.advance(500);
    expect(failures).toEqual(['poll']);
    expect(follower.events).toEqual(['1']);
  });

  it('refuses more followers than it may have, and takes new ones when some have left', () => {
    const { follow } = setUp(1);
    const stop = follow.follow(ACTIVITY, ticket(1), queued(1), new Follower());
    expect(() => follow.requireRoom()).toThrow(expect.objectContaining({ code: 'OVERLOADED' }) as Error);
    stop();
    follow.requireRoom();
  });

  it('closes every stream at the end of the process and takes no more', async () => {
    const { follow, clock } = setUp();
    const followers = [new Follower(), new Follower()];
    for (const follower of followers) follow.follow(ACTIVITY, ticket(1), queued(1), follower);
    follow.stopIntake();
    await settled();
    expect(followers.map((follower) => follower.events)).toEqual([['shutdown'], ['shutdown']]);
    expect([follow.streams, clock.timers]).toEqual([0, 0]);
    expect(() => follow.requireRoom()).toThrow(expect.objectContaining({ code: 'NOT_READY' }) as Error);
  });

  it('ends the stream of a ticket that has been forgotten', async () => {
    const { follow, clock } = setUp();
    const follower = new Follower();
    follow.follow(ACTIVITY, ticket(1), queued(1), follower);
    await clock.advance(500);
    expect(follower.events).toEqual(['forgotten']);
  });
});
