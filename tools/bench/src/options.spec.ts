import { parseBenchOptions } from './options';

describe('options of a benchmark', () => {
  it('takes the defaults and what is given', () => {
    expect(parseBenchOptions(['worker'], ['worker'])).toEqual({
      name: 'worker',
      rounds: 3,
      size: undefined,
      seconds: undefined,
      cases: undefined,
      full: false,
      reportFile: undefined,
    });
    const args = ['worker', '--report', 'x.json', '--rounds', '5', '--size', '10', '--seconds', '4'];
    expect(parseBenchOptions([...args, '--case', 'a,b', '--case', 'c', '--full'], ['worker'])).toEqual({
      name: 'worker',
      rounds: 5,
      size: 10,
      seconds: 4,
      cases: ['a', 'b', 'c'],
      full: true,
      reportFile: 'x.json',
    });
  });

  it.each([
    [[]],
    [['other']],
    [['worker', 'twice']],
    [['worker', '--rounds', '0']],
    [['worker', '--size', 'many']],
    [['worker', '--seconds', '0.5']],
    [['worker', '--case', ',']],
    [['worker', '--what']],
  ])('explains itself when it gets %j', (args: string[]) => {
    expect(() => parseBenchOptions(args, ['worker'])).toThrow('usage: npm run bench -- worker');
  });
});
