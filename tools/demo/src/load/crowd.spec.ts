import { planPassersBy } from '../scenario/buyers';
import type { Click } from '../scenario/buyers';
import { clickUntilAnswered, letCrowdClick } from './crowd';
import type { CrowdOptions } from './crowd';
import { Ledger } from './ledger';
import type { Answer } from './ledger';

const CLICK: Click = { userId: '1', quantity: 1, key: 'k' };
const WON: Answer = { kind: 'accepted', claimId: 'c', couponSns: ['c001'], replayed: false };
const refusal = (code: string, retryAfterMs?: number): Answer => ({ kind: 'refused', code, retryAfterMs });

function crowdThatHears(answers: Answer[]): { options: CrowdOptions; sent: Click[]; slept: number[] } {
  const sent: Click[] = [];
  const slept: number[] = [];
  const options: CrowdOptions = {
    activityId: '7',
    ledger: new Ledger(),
    concurrency: 4,
    purchase: (_, click) => {
      sent.push(click);
      return Promise.resolve(answers[Math.min(sent.length, answers.length) - 1] as Answer);
    },
    sleep: (ms) => {
      slept.push(ms);
      return Promise.resolve();
    },
    signal: new AbortController().signal,
  };
  return { options, sent, slept };
}

describe('clickUntilAnswered', () => {
  it.each(['OUTCOME_UNKNOWN', 'OVERLOADED', 'NOT_READY', 'CIRCUIT_OPEN', 'NO_ANSWER', 'RATE_LIMITED'])(
    'sends the same click again after %s',
    async (code) => {
      const { options, sent } = crowdThatHears([refusal(code), WON]);
      await expect(clickUntilAnswered(CLICK, options)).resolves.toEqual(WON);
      expect(sent).toEqual([CLICK, CLICK]);
      expect(options.ledger.unanswered).toEqual([]);
    },
  );

  it.each(['SOLD_OUT', 'LIMIT_REACHED', 'ENDED', 'INVALID_ARGUMENT'])('takes %s as final', async (code) => {
    const { options, sent } = crowdThatHears([refusal(code), WON]);
    await clickUntilAnswered(CLICK, options);
    expect(sent).toHaveLength(1);
  });

  it('waits as long as it is told to, and gives up after ten times "slow down"', async () => {
    const { options, sent, slept } = crowdThatHears([refusal('RATE_LIMITED', 1_000)]);
    await clickUntilAnswered(CLICK, options);
    expect(sent).toHaveLength(10);
    expect(Math.min(...slept)).toBe(1_000);
    expect(options.ledger.unanswered).toEqual([CLICK]);
  });

  it('gives up in the end when it never learns what happened', async () => {
    const { options, sent } = crowdThatHears([refusal('OUTCOME_UNKNOWN')]);
    await clickUntilAnswered(CLICK, options);
    expect(sent).toHaveLength(40);
    expect(options.ledger.unanswered).toEqual([CLICK]);
  });
});

describe('letCrowdClick', () => {
  it('lets every buyer click, never more than the given number at once', async () => {
    let atOnce = 0;
    let most = 0;
    let done = 0;
    const { options } = crowdThatHears([]);
    await letCrowdClick(planPassersBy(50, 0), {
      ...options,
      onBuyerDone: () => (done += 1),
      purchase: async (_, click) => {
        most = Math.max(most, (atOnce += 1));
        await new Promise((resolve) => setImmediate(resolve));
        atOnce -= 1;
        return { ...WON, couponSns: [click.userId] };
      },
    });
    expect(done).toBe(50);
    expect(most).toBe(4);
    expect(options.ledger.heard.size).toBe(50);
  });
});
