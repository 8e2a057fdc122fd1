import type { ActivityId } from '@coupon/domain';
import type { SaleState } from '@coupon/lua';
import { SoldOutFilter } from '../../src/sold-out/sold-out-filter';
import type { FilteredReason } from '../../src/sold-out/sold-out-filter';

export const ACTIVITY = '42' as ActivityId;

/** A sale at limit 1 in plain words, with everything it ever was: one entry per change. */
class SaleModel {
  private state = { run: 1, epoch: 1, seq: 0, available: 2, ended: false, paused: false, receipts: new Set<string>() };
  readonly history: (typeof this.state)[] = [{ ...this.state, receipts: new Set() }];

  change(by: (state: typeof this.state) => void): void {
    by(this.state);
    this.history.push({ ...this.state, receipts: new Set(this.state.receipts) });
  }

  get now(): typeof this.state {
    return this.state;
  }

  claim(user: string): 'won' | 'receipt' | FilteredReason | 'PAUSED' {
    const verdict = verdictOf(this.state, user);
    if (verdict !== 'win') return verdict;
    this.change((state) => {
      state.available -= 1;
      state.seq += 1;
      state.receipts.add(user);
    });
    return 'won';
  }

  /** Whether Redis would have refused `user` for `reason` at some moment from `since` on. */
  couldRefuse(user: string, reason: FilteredReason, since: number): boolean {
    return this.history.slice(since).some((state) => verdictOf(state, user) === reason);
  }

  read(): SaleState {
    const { run, epoch, seq, available, ended, paused } = this.state;
    const window = paused ? 'paused' : ended ? 'ended' : 'open';
    return {
      kind: 'known',
      window,
      available,
      runId: String(run),
      eventSeq: seq,
      stockVersion: 1,
      epoch,
      perUserLimit: 1,
      guarded: false,
    };
  }
}

function verdictOf(
  state: { ended: boolean; paused: boolean; available: number; receipts: ReadonlySet<string> },
  user: string,
): 'win' | 'receipt' | FilteredReason | 'PAUSED' {
  if (state.receipts.has(user)) return 'receipt';
  if (state.paused) return 'PAUSED';
  if (state.ended) return 'ENDED';
  return state.available > 0 ? 'win' : 'SOLD_OUT';
}

interface WorldClaim {
  readonly user: string;
  readonly since: number;
}

/** Gateways with a filter each, one Redis, and everything between them in an order that the test decides. */
export class SaleWorld {
  readonly model = new SaleModel();
  readonly wrong: string[] = [];
  refusedLocally = 0;
  answered = 0;
  asked = 0;
  failing = false;
  nowMs = 0;
  private readonly tasks: (() => void)[] = [];
  private readonly filters: SoldOutFilter<WorldClaim>[];

  constructor(gateways: number) {
    this.filters = Array.from({ length: gateways }, (_, i) => this.aFilter(i));
  }

  /** A user asks a gateway. */
  claim(gateway: number, user: string): void {
    this.asked += 1;
    const claim = { user, since: this.model.history.length - 1 };
    if (!this.filter(gateway).hold(ACTIVITY, user, 1, claim)) this.send(gateway, claim);
  }

  /** Redis comes back without the last win: restored under the next epoch, or started again. No gateway is told. */
  lose(by: 'restore' | 'restart'): void {
    this.model.change((state) => {
      if (by === 'restore') state.epoch += 1;
      else state.run += 1;
      const last = [...state.receipts].at(-1);
      if (last === undefined) return;
      state.receipts.delete(last);
      state.seq -= 1;
      state.available += 1;
    });
  }

  /** One of the things that are under way happens; -1: the one that was begun last. */
  async step(pick: number): Promise<void> {
    const [task] = this.tasks.splice(pick < 0 ? pick : pick % Math.max(1, this.tasks.length), 1);
    task?.();
    for (let i = 0; i < 12; i += 1) await Promise.resolve();
  }

  /** Everything that is under way happens. */
  async finish(): Promise<void> {
    while (this.tasks.length > 0) await this.step(0);
  }

  filter(gateway: number): SoldOutFilter<WorldClaim> {
    const filter = this.filters[gateway % this.filters.length];
    if (filter === undefined) throw new Error('no such gateway');
    return filter;
  }

  private send(gateway: number, claim: WorldClaim): void {
    this.later(() => {
      const verdict = this.model.claim(claim.user);
      const { available } = this.model.now;
      this.later(() => {
        this.answered += 1;
        this.filter(gateway).observe(ACTIVITY, { available, ended: verdict === 'ENDED' });
      });
    });
  }

  private aFilter(gateway: number): SoldOutFilter<WorldClaim> {
    return new SoldOutFilter<WorldClaim>(
      {
        readState: () => this.call(() => this.model.read()),
        loadWinners: () => this.winners(),
        refuse: ({ user, since }, reason) => {
          this.answered += 1;
          this.refusedLocally += 1;
          if (!this.model.couldRefuse(user, reason, since)) this.wrong.push(`${user} was told ${reason}`);
        },
        pass: (claim) => this.send(gateway, claim),
        nowMs: () => this.nowMs,
        schedule: (job) => job(),
        onError: () => undefined,
        defer: (run) => this.later(run),
      },
      { retryMs: 0 },
    );
  }

  private later(run: () => void): void {
    this.tasks.push(run);
  }

  /** Redis carries a command out at one moment, and the reply comes at a later one. */
  private call<T>(execute: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.later(() => {
        if (this.failing) {
          this.later(() => reject(new Error('connection closed')));
          return;
        }
        const reply = execute();
        this.later(() => resolve(reply));
      });
    });
  }

  /** Like HSCAN: in pieces at different moments, complete for those who were there all the time. */
  private async *winners(): AsyncGenerator<readonly string[]> {
    for (const half of [0, 1]) {
      yield await this.call(() => [...this.model.now.receipts].filter((user) => Number(user) % 2 === half));
    }
  }
}
