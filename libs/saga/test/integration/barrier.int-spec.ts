import fc from 'fast-check';
import { NOT_READY, SUCCESS, refused } from '../../src';
import type { ActionOutcome, BranchIdentity, CompensationOutcome } from '../../src';
import { BarrierModel } from '../support/barrier-model';
import type { BranchCall, WorkResult } from '../support/barrier-model';
import { useEffectsDatabase } from '../support/effects-database';
import type { Tx } from '../support/effects-database';

const SEED = 20_261_121;

const result = fc.constantFrom<WorkResult>('success', 'success', 'refused', 'not-ready', 'fault');
const call: fc.Arbitrary<BranchCall> = fc.oneof(
  fc.record({ op: fc.constant('action' as const), result }),
  // A compensation cannot refuse.
  fc.record({ op: fc.constant('compensate' as const), result: result.filter((one) => one !== 'refused') }),
);

describe('barrier on MySQL', () => {
  const database = useEffectsDatabase();
  let next = 0;

  /** Makes one call as a participant would; `worked` says whether the business was let in. */
  async function perform(
    { op, result }: BranchCall,
    gid: string,
    branchId = '01',
  ): Promise<{ answer: WorkResult; worked: boolean }> {
    const branch: BranchIdentity = { gid, transType: 'saga', branchId, op };
    let worked = false;
    const work = async (tx: Tx): Promise<ActionOutcome> => {
      worked = true;
      await database.apply(tx, branch);
      if (result === 'fault') throw new Error('the business broke after its effect');
      if (result === 'refused') return refused('SHORT');
      return result === 'not-ready' ? NOT_READY : SUCCESS;
    };
    const outcome = await (
      op === 'action'
        ? database.runner.action(branch, work)
        : database.runner.compensation(branch, work as (tx: Tx) => Promise<CompensationOutcome>)
    ).catch((error: Error) => {
      if (error.message !== 'the business broke after its effect') throw error;
      return { kind: 'fault' as const };
    });
    return { answer: outcome.kind, worked };
  }

  it('answers, works and rolls back like the model, for any sequence of calls', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 8 }), async (calls) => {
        const gid = `sequence-${next++}`;
        const model = new BarrierModel();
        for (const one of calls) expect(await perform(one, gid)).toEqual(model.call(one));
        const amounts = (await database.effectsOf(gid)).map(({ amount }) => amount);
        expect(amounts).toEqual({ untouched: [], barred: [], done: [1], undone: [1, -1] }[model.state]);
      }),
      { numRuns: 120, seed: SEED },
    );
  });

  it('does and undoes everything at most once, in this order, whatever arrives at the same time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 2, maxLength: 8 }), async (calls) => {
        const gid = `crowd-${next++}`;
        const answers = await Promise.all(calls.map((one) => perform(one, gid)));
        const before = (await database.effectsOf(gid)).map(({ amount }) => amount);
        expect([[], [1], [1, -1]]).toContainEqual(before);
        // Whoever was told that the action is done was told the truth: it is, or it has been undone since.
        const promised = calls.some((one, index) => one.op === 'action' && answers[index]?.answer === 'success');
        if (promised) expect(before[0]).toBe(1);
        expect(await perform({ op: 'compensate', result: 'success' }, gid)).toMatchObject({ answer: 'success' });
        const after = (await database.effectsOf(gid)).map(({ amount }) => amount);
        expect(after).toEqual(before.length === 0 ? [] : [1, -1]);
        expect(await perform({ op: 'action', result: 'success' }, gid)).toEqual({ answer: 'refused', worked: false });
      }),
      { numRuns: 120, seed: SEED },
    );
  });

  it('keeps branches of a saga, and sagas whose ids differ in case only, apart', async () => {
    const done = { answer: 'success', worked: true };
    expect(await perform({ op: 'action', result: 'success' }, 'Apart', '01')).toEqual(done);
    expect(await perform({ op: 'action', result: 'success' }, 'Apart', '02')).toEqual(done);
    expect(await perform({ op: 'action', result: 'success' }, 'apart', '01')).toEqual(done);
    expect(await database.effectsOf('Apart')).toHaveLength(2);
  });

  it('says what it saw, for metrics', async () => {
    const gid = 'verdicts';
    for (const op of ['action', 'action', 'compensate', 'compensate', 'action'] as const) {
      await perform({ op, result: 'success' }, gid);
    }
    await perform({ op: 'compensate', result: 'success' }, gid, '02');
    const seen = database.verdicts.filter(({ branch }) => branch.gid === gid).map(({ verdict }) => verdict);
    expect(seen).toEqual(['enter', 'duplicate', 'enter', 'duplicate', 'compensated', 'empty']);
  });
});
