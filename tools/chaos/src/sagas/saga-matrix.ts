import type { OrderStory } from '@coupon/demo';
import { seededRandom } from '@coupon/testing';
import type { SeededRandom } from '@coupon/testing';
import type { SagaFault } from './fault';
import { runFault } from './run-fault';
import type { FaultReport } from './run-fault';
import { Shelf } from './shelf';
import { SagaStage } from './stage';
import type { StageOptions, Transport } from './stage';

export interface RoundReport extends FaultReport {
  /** From 1. */
  readonly round: number;
  readonly transport: Transport;
}

/** Rounds of faults on one stage: odd ones with branches over gRPC, even ones over HTTP. */
export class SagaMatrix {
  #round = 0;
  readonly #stories: OrderStory[] = [];
  readonly #found = new Set<string>();

  private constructor(
    private readonly stage: SagaStage,
    private readonly shelf: Shelf,
    private readonly random: SeededRandom,
    private readonly signal: AbortSignal,
  ) {}

  static async open(options: StageOptions & { readonly seed: number }): Promise<SagaMatrix> {
    const stage = await SagaStage.open(options);
    return new SagaMatrix(stage, await Shelf.fill(stage), seededRandom(options.seed), options.signal);
  }

  get transport(): Transport {
    return transportOf(this.#round);
  }

  /** Where both processes write what they log. */
  get logFiles(): readonly string[] {
    return this.stage.logFiles;
  }

  /** Begins the next round. */
  async nextRound(): Promise<void> {
    this.#round += 1;
    await this.stage.play(this.transport);
  }

  async run(fault: SagaFault): Promise<RoundReport> {
    const { stage, shelf, random, signal } = this;
    const report = await runFault(fault, { stage, shelf, random, signal, stories: this.#stories, found: this.#found });
    return { round: this.#round, transport: this.transport, ...report };
  }

  close(): Promise<void> {
    return this.stage.close();
  }
}

/** @param round from 1 */
export function transportOf(round: number): Transport {
  return round % 2 === 1 ? 'grpc' : 'http';
}
