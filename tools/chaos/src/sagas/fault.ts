import type { SeededRandom } from '@coupon/testing';
import type { Errand, Outcome } from './errand';
import type { BarrierHolds } from './holds';
import type { Shelf } from './shelf';
import type { SagaStage } from './stage';

/** What a fault has to work with while the customers are at their errands. */
export interface FaultRun {
  readonly stage: SagaStage;
  readonly random: SeededRandom;
  readonly holds: BarrierHolds;
  readonly signal: AbortSignal;
  /** Resolves when so many sagas are under way at the same time. */
  untilInFlight(count: number): Promise<void>;
  /** Resolves when the check is true. @throws what it waited for after the deadline */
  until(what: string | (() => string), check: () => Promise<boolean>, intervalMs?: number): Promise<void>;
  /** A pause of random length, in milliseconds. */
  pause(from: number, to: number): Promise<void>;
  /** Something that has happened, for the report and for `needs`. */
  note(what: string, count?: number): void;
}

/** One thing that goes wrong. */
export interface SagaFault {
  readonly name: string;
  /** Payments may come too late because of it: paid orders may be given back. */
  readonly disturbs: boolean;
  readonly errands: (shelf: Shelf, random: SeededRandom) => Promise<Errand[]>;
  /** Before the first checkout. */
  readonly prepare?: (run: FaultRun) => Promise<void>;
  /** While the errands are under way. */
  readonly strike?: (run: FaultRun) => Promise<void>;
  /** Delay of DTM's calls, in milliseconds, that keeps sagas under way at the same time. @default 20 to 120 */
  readonly branchDelayMs?: readonly [from: number, to: number];
  /** Errands at the same time. @default all of them */
  readonly concurrency?: number;
  /** Notes without which the fault has not happened, and how often at least. */
  readonly needs?: Readonly<Record<string, number>>;
  /** What must be true of the outcomes besides what the verification says; names what is not. */
  readonly expect?: (outcomes: readonly Outcome[]) => string[];
}
