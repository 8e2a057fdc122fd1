import { AppError } from '@coupon/domain';
import type { ActivityId } from '@coupon/domain';
import { AdminActivityDirectory } from './admin-activity-directory';
import type { AskAdmin } from './admin-activity-directory';

const ID = '7' as ActivityId;

function directory(ask: AskAdmin): {
  directory: AdminActivityDirectory;
  asked: () => number;
  pass: (ms: number) => void;
} {
  let asked = 0;
  let nowMs = 0;
  const counting: AskAdmin = (id) => {
    asked += 1;
    return ask(id);
  };
  return {
    directory: new AdminActivityDirectory(
      counting,
      () => nowMs,
      () => undefined,
    ),
    asked: () => asked,
    pass: (ms) => (nowMs += ms),
  };
}

describe('AdminActivityDirectory', () => {
  it.each<[string, AskAdmin, string]>([
    ['over for good', async () => ({ over: true }), 'ENDED'],
    ['not over', async () => ({ over: false }), 'NOT_READY'],
    ['not said by an older coupon-admin', async () => ({}), 'NOT_READY'],
    ['unknown', () => Promise.reject(new AppError('ACTIVITY_NOT_FOUND', 'no such activity')), 'ACTIVITY_NOT_FOUND'],
    ['not to be asked about', () => Promise.reject(new AppError('NOT_READY', 'away')), 'NOT_READY'],
  ])('an activity that is %s', async (_, ask, code) => {
    expect(await directory(ask).directory.whyNotLoaded(ID)).toBe(code);
  });

  it('asks once a second per activity', async () => {
    const one = directory(async () => ({ over: true }));
    await Promise.all([one.directory.whyNotLoaded(ID), one.directory.whyNotLoaded(ID)]);
    one.pass(999);
    await one.directory.whyNotLoaded(ID);
    expect(one.asked()).toBe(1);
    one.pass(2);
    await one.directory.whyNotLoaded(ID);
    expect(one.asked()).toBe(2);
  });

  test('asks about a bounded number of activities at once, whatever is made up', async () => {
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const { directory: asked, asked: count } = directory(async () => {
      await answered;
      return {};
    });
    const verdicts = Array.from({ length: 60 }, (_, i) => asked.whyNotLoaded(String(i + 1) as ActivityId));
    expect(count()).toBe(50);
    expect(await verdicts[59]).toBe('NOT_READY');
    answer();
    await Promise.all(verdicts);
    await asked.whyNotLoaded('99' as ActivityId);
    expect(count()).toBe(51);
  });
});
