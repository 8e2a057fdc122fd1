import fc from 'fast-check';
import { SharedBarrier } from './shared-barrier';

interface Sent {
  readonly at: number;
  readonly answer: (passed: boolean) => void;
  readonly fail: () => void;
}

function setUp(): { barrier: SharedBarrier; sent: Sent[]; tick: () => number } {
  let time = 0;
  const sent: Sent[] = [];
  const barrier = new SharedBarrier(
    () =>
      new Promise((resolve, reject) => {
        sent.push({ at: (time += 1), answer: resolve, fail: () => reject(new Error('connection lost')) });
      }),
  );
  return { barrier, sent, tick: () => (time += 1) };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('SharedBarrier', () => {
  it('sends at once, and one more for everybody who came while it was under way', async () => {
    const { barrier, sent } = setUp();
    const first = barrier.passed();
    const others = [barrier.passed(), barrier.passed(), barrier.passed()];
    expect(sent).toHaveLength(1);
    sent[0]?.answer(true);
    expect(await first).toBe(true);
    await turn();
    expect(sent).toHaveLength(2);
    sent[1]?.answer(false);
    expect(await Promise.all(others)).toEqual([false, false, false]);
    void barrier.passed();
    expect(sent).toHaveLength(3);
  });

  it('a barrier that failed fails its own callers, and the next one is sent', async () => {
    const { barrier, sent } = setUp();
    const first = barrier.passed();
    const second = barrier.passed();
    sent[0]?.fail();
    await expect(first).rejects.toThrow('connection lost');
    await turn();
    sent[1]?.answer(true);
    expect(await second).toBe(true);
  });

  it('answers nobody by a barrier that was sent before the call, and has at most one under way', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('call', 'answer', 'fail', 'turn'), { maxLength: 40 }),
        async (steps) => {
          const { barrier, sent, tick } = setUp();
          const wrong: string[] = [];
          const open: Promise<void>[] = [];
          let answered = 0;
          const finish = (how: 'answer' | 'fail'): void => {
            const one = sent[answered];
            if (one === undefined) return;
            answered += 1;
            if (how === 'answer') one.answer(true);
            else one.fail();
          };
          for (const step of steps) {
            expect(sent.length - answered).toBeLessThanOrEqual(1);
            if (step === 'turn') await turn();
            else if (step !== 'call') finish(step);
            else {
              const calledAt = tick();
              const check = (): void => {
                const settledBy = sent[answered - 1];
                if (settledBy === undefined || settledBy.at < calledAt) wrong.push(`call ${calledAt}`);
              };
              open.push(barrier.passed().then(check, check));
            }
          }
          for (let i = 0; i < 3; i += 1) {
            await turn();
            finish('answer');
          }
          await Promise.all(open);
          expect(wrong).toEqual([]);
        },
      ),
      { numRuns: 300, seed: 20261121 },
    );
  });
});
