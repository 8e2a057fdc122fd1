import { parseBenchOptions } from './options';

describe('options of a benchmark', () => {
  it('takes the defaults and what is given', () => {
    expect(parseBenchOptions(['worker'], ['worker'])).toEqual({
      name: 'worker',
      rounds: 3,
      size: 200_000,
      reportFile: undefined,
    });
    expect(parseBenchOptions(['worker', '--report', 'x.json', '--rounds', '5', '--size', '10'], ['worker'])).toEqual({
      name: 'worker',
      rounds: 5,
      size: 10,
      reportFile: 'x.json',
    });
  });

  it.each([
    [[]],
    [['other']],
    [['worker', 'twice']],
    [['worker', '--rounds', '0']],
    [['worker', '--size', 'many']],
    [['worker', '--what']],
  ])('explains itself when it gets %j', (args: string[]) => {
    expect(() => parseBenchOptions(args, ['worker'])).toThrow('usage: npm run bench -- worker');
  });
});
