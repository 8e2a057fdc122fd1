import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { encodeClaimId } from '@coupon/domain';
import type { ActivityId, ClaimId, TicketId, UserId } from '@coupon/domain';
import { TicketQueue } from '../../src/ticket-queue';
import type { StoredTicket } from '../../src/ticket-queue';
import { HOUR_MS, aClaim, useLua } from './fixture';

const lua = useLua();
const newId = (): string => encodeClaimId(Date.now(), randomBytes(10));

interface Claim {
  readonly id: string;
  readonly user: number;
  readonly key: string;
  readonly quantity: number;
  released: boolean;
}

interface Ticket {
  readonly id: string;
  readonly user: number;
  readonly key: string;
  readonly quantity: number;
  readonly claimId: string;
  readonly number: number;
  readonly overdue: boolean;
  state: string;
}

/** The rules of tickets and claims in the plainest words: a list of claims, a list of waiting tickets, a number of units. */
class Model {
  readonly claims: Claim[] = [];
  readonly tickets: Ticket[] = [];
  state: 'open' | 'paused' | 'ended' = 'open';
  private numbers = 0;

  constructor(
    readonly limit: number,
    public available: number,
    readonly maxWaiting: number,
  ) {}

  get waiting(): Ticket[] {
    return this.tickets.filter((ticket) => ticket.state === 'QUEUED');
  }

  enqueue(request: Omit<Ticket, 'number' | 'state'>): string {
    const { user, key, quantity } = request;
    const same = this.tickets.find((ticket) => key !== '' && ticket.user === user && ticket.key === key);
    if (same) return same.quantity === quantity ? same.id : 'CONFLICT';
    const replay = this.replay(request);
    if (replay?.startsWith('WON')) {
      const answered = this.tickets.find((ticket) => ticket.number === 0 && ticket.state === replay);
      return answered?.id ?? this.add(request, 0, replay);
    }
    const own = this.waiting.find((ticket) => ticket.user === user);
    if (this.limit === 1 && own) return own.id;
    if (replay !== undefined) return 'CONFLICT';
    if (this.state !== 'open') return this.state.toUpperCase();
    if (this.waiting.length >= this.maxWaiting) return 'queue_full';
    return this.add(request, (this.numbers += 1), 'QUEUED');
  }

  decide(count: number): void {
    for (const ticket of this.waiting.slice(0, count)) {
      const replay = this.replay(ticket);
      if (ticket.overdue || this.state === 'paused') {
        if (replay !== undefined) ticket.state = replay;
        else if (ticket.overdue) ticket.state = 'EXPIRED';
      } else ticket.state = this.claim(ticket);
    }
  }

  claim(wish: Pick<Ticket, 'claimId' | 'user' | 'key' | 'quantity'>): string {
    const replay = this.replay(wish);
    if (replay !== undefined) return replay;
    if (this.state !== 'open') return `LOST ${this.state.toUpperCase()}`;
    const held = this.claims.filter((claim) => claim.user === wish.user && !claim.released);
    const units = held.reduce((sum, claim) => sum + claim.quantity, 0);
    if (units + wish.quantity > this.limit) return 'LOST LIMIT_REACHED';
    if (this.available < wish.quantity) return 'LOST SOLD_OUT';
    this.available -= wish.quantity;
    const { claimId, ...rest } = wish;
    this.claims.push({ ...rest, id: claimId, key: wish.key || claimId, released: false });
    return `WON ${claimId}`;
  }

  private add(request: Omit<Ticket, 'number' | 'state'>, number: number, state: string): string {
    this.tickets.push({ ...request, number, state });
    return request.id;
  }

  private replay(wish: Pick<Ticket, 'user' | 'key' | 'quantity'>): string | undefined {
    const own = this.claims.filter((claim) => claim.user === wish.user);
    const same = own.find((claim) => claim.key === wish.key);
    if (same) return same.released || same.quantity !== wish.quantity ? 'LOST CONFLICT' : `WON ${same.id}`;
    const first = own.find((claim) => !claim.released);
    return this.limit === 1 && first ? `WON ${first.id}` : undefined;
  }
}

const wish = {
  user: fc.integer({ min: 1, max: 4 }),
  key: fc.constantFrom('', '', 'a', 'b'),
  quantity: fc.constantFrom(1, 1, 1, 2),
};
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('enqueue' as const),
      ...wish,
      overdue: fc.constantFrom(false, false, true),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('decide' as const), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('claim' as const), ...wish }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('state' as const), to: fc.constantFrom('open', 'paused') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release' as const), pick: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'end' as const }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

class Run {
  private readonly queue = new TicketQueue(lua.redis);
  private readonly lastPosition = new Map<string, number>();

  constructor(
    private readonly id: ActivityId,
    private readonly model: Model,
  ) {}

  async take(one: Step): Promise<void> {
    const { model, id } = this;
    switch (one.do) {
      case 'enqueue':
        return this.enqueue({ ...one, id: newId(), claimId: newId() });
      case 'decide':
        model.decide(one.count);
        await this.queue.decide(id, lua.runId, { count: one.count, keepMs: HOUR_MS, forgetAtMost: 10 });
        return;
      case 'claim': {
        const claimId = newId();
        model.claim({ ...one, claimId });
        const claim = aClaim(one.user, {
          claimId: claimId as ClaimId,
          quantity: one.quantity,
          idempotencyKey: one.key,
        });
        await lua.outcomes(id, claim);
        return;
      }
      case 'state':
        if (model.state !== 'ended') await lua.store.setState(id, { to: (model.state = one.to as 'open'), epoch: 1 });
        return;
      case 'end':
        await lua.store.setState(id, { to: (model.state = 'ended'), epoch: 1 });
        return;
      case 'release':
        return this.release(one.pick);
    }
  }

  private async enqueue(request: Omit<Ticket, 'number' | 'state'>): Promise<void> {
    const expected = this.model.enqueue(request);
    const result = await this.queue.enqueue(
      this.id,
      lua.runId,
      {
        ticketId: request.id as TicketId,
        userId: String(request.user) as UserId,
        claimId: request.claimId as ClaimId,
        quantity: request.quantity,
        idempotencyKey: request.key,
      },
      { maxWaitMs: request.overdue ? 0 : HOUR_MS, maxWaiting: this.model.maxWaiting, maxFields: 10_000 },
    );
    const answer =
      result.kind === 'ticket' ? result.ticketId : result.kind === 'refused' ? (result.code as string) : result.kind;
    expect(answer).toBe(expected);
  }

  private async release(pick: number): Promise<void> {
    const chosen = this.model.claims[pick % (this.model.claims.length || 1)];
    if (chosen === undefined) return;
    const claim = { claimId: chosen.id as ClaimId, userId: String(chosen.user) as UserId };
    await lua.store.settle(this.id, { op: 'release', ...claim, epoch: 1, reason: 'model' });
    if (!chosen.released) this.model.available += chosen.quantity;
    chosen.released = true;
  }

  async compare(): Promise<void> {
    const { model } = this;
    const found = await this.queue.read(
      this.id,
      model.tickets.map((ticket) => ticket.id as TicketId),
    );
    const head = model.waiting[0]?.number ?? 0;
    model.tickets.forEach((ticket, i) => {
      const stored = found[i] ?? null;
      expect(describeTicket(stored)).toBe(
        ticket.state === 'QUEUED' ? `QUEUED ${ticket.number - head + 1}` : ticket.state,
      );
      if (stored?.state.status !== 'QUEUED') return;
      const { position } = stored.state;
      expect(position).toBeGreaterThanOrEqual(1);
      expect(position).toBeLessThanOrEqual(this.lastPosition.get(ticket.id) ?? Infinity);
      this.lastPosition.set(ticket.id, position);
    });
    const total = model.claims.reduce((sum, claim) => sum + (claim.released ? 0 : claim.quantity), 0);
    expect(await lua.store.snapshot(this.id)).toMatchObject({ available: model.available, claimed: total });
  }
}

function describeTicket(stored: StoredTicket | null): string {
  if (stored === null) return 'unknown';
  const { state } = stored;
  if (state.status === 'QUEUED') return `QUEUED ${state.position}`;
  if (state.status === 'WON') return `WON ${state.claimId}`;
  return state.status === 'LOST' ? `LOST ${state.code}` : state.status;
}

describe('tickets against a model', () => {
  test('any interleaving ends every ticket as the plain rules say, and no position ever grows', async () => {
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 2, max: 8 }),
        fc.array(step, { minLength: 1, maxLength: 40 }),
        async (limit, total, maxWaiting, steps) => {
          const { activityId } = await lua.open({ perUserLimit: limit, total });
          const model = new Model(limit, total, maxWaiting);
          const run = new Run(activityId, model);
          for (const one of steps) {
            await run.take(one);
            await run.compare();
          }
          if (model.state === 'paused') await run.take({ do: 'state', to: 'open' });
          while (model.waiting.length > 0) await run.take({ do: 'decide', count: 4 });
          await run.compare();
          for (const { state } of model.tickets) {
            const name = state.startsWith('WON') ? 'WON' : state;
            seen.set(name, (seen.get(name) ?? 0) + 1);
          }
        },
      ),
      { numRuns: 200, seed: 20261121 },
    );
    // The sequences above have met every end a ticket can come to.
    expect([...seen.keys()].sort()).toEqual([
      'EXPIRED',
      'LOST CONFLICT',
      'LOST ENDED',
      'LOST LIMIT_REACHED',
      'LOST SOLD_OUT',
      'WON',
    ]);
  }, 60_000);
});
