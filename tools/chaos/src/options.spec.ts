import { parseChaosOptions } from './options';

describe('options of chaos', () => {
  it('takes the defaults and what is given', () => {
    expect(parseChaosOptions(['sagas'], ['sagas'])).toEqual({
      name: 'sagas',
      rounds: 2,
      minutes: 5,
      seed: undefined,
      faults: undefined,
      reportFile: undefined,
    });
    const args = [
      'sagas',
      '--rounds',
      '20',
      '--minutes',
      '7',
      '--seed',
      '0',
      '--report',
      'x.json',
      '--fault',
      'DTM',
      '--fault',
      'stock short',
    ];
    expect(parseChaosOptions(args, ['sagas'])).toEqual({
      name: 'sagas',
      rounds: 20,
      minutes: 7,
      seed: 0,
      faults: ['DTM', 'stock short'],
      reportFile: 'x.json',
    });
  });

  it.each([
    [[]],
    [['other']],
    [['sagas', 'twice']],
    [['sagas', '--rounds', '0']],
    [['sagas', '--rounds', '1e3']],
    [['sagas', '--minutes', '0']],
    [['sagas', '--seed', '-1']],
    [['sagas', '--seed', '4294967296']],
    [['sagas', '--what']],
  ])('explains itself when it gets %j', (args: string[]) => {
    expect(() => parseChaosOptions(args, ['sagas'])).toThrow('usage: npm run chaos -- sagas');
  });
});
