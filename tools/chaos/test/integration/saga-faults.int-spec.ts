import { startOwnServers } from '@coupon/testing';
import { sagaFaults } from '../../src/sagas/faults';
import { SagaMatrix, transportOf } from '../../src/sagas/saga-matrix';

const SEED = Number(process.env['CHAOS_SEED'] ?? 20261122);
const ROUNDS = 2;
const FAULT_TIMEOUT_MS = 400_000;

const stopping = new AbortController();
let matrix: SagaMatrix;

beforeAll(async () => {
  matrix = await SagaMatrix.open({ startServers: startOwnServers, seed: SEED, signal: stopping.signal });
}, 900_000);

afterAll(async () => {
  stopping.abort();
  await matrix.close();
}, 60_000);

const ONLY = process.env['CHAOS_ONLY'];

describe.each(Array.from({ length: ROUNDS }, (_, index) => index + 1))(`round %i (seed ${SEED})`, (round) => {
  beforeAll(() => matrix.nextRound(), 120_000);

  test.each(
    sagaFaults()
      .filter(({ name }) => ONLY === undefined || new RegExp(ONLY).test(name))
      .map((fault) => [fault.name, fault] as const),
  )(
    `%s, branches over ${transportOf(round)}`,
    async (_, fault) => {
      const report = await matrix.run(fault);
      if (ONLY !== undefined) process.stderr.write(`${JSON.stringify(report)}\n`);
      expect(report.wrong).toEqual([]);
    },
    FAULT_TIMEOUT_MS,
  );
});
