import { randomUUID } from 'node:crypto';
import type { BenchContext, Numbers } from '../bench';
import { BenchChild, bundle } from '../process/child';

const PROCESSES = 4;
const READERS = 1_000;
const LOAD_MS = 20;
const TIMEOUT_MS = 20_000;

/** 1,000 readers in 4 processes on one cold key whose load takes 20 ms. */
export class Stampede {
  private constructor(private readonly processes: readonly BenchChild[]) {}

  static async start(url: string, defer: BenchContext['defer']): Promise<Stampede> {
    const processes: BenchChild[] = [];
    for (let index = 0; index < PROCESSES; index += 1) {
      const child = await BenchChild.start(await bundle('cache/stampede-process'), [url]);
      defer(() => child.stop());
      processes.push(child);
    }
    return new Stampede(processes);
  }

  async run(): Promise<Numbers> {
    const order = { key: randomUUID(), readers: READERS / PROCESSES, loadMs: LOAD_MS };
    const answers = await Promise.all(
      this.processes.map((child) => child.ask<{ loads: number; tookMs: number }>(order, TIMEOUT_MS)),
    );
    return {
      stampede_loads: answers.reduce((sum, { loads }) => sum + loads, 0),
      stampede_last_reader_ms: Math.round(Math.max(...answers.map(({ tookMs }) => tookMs)) * 10) / 10,
    };
  }
}
