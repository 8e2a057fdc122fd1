import { parseDeadLetterCommand } from './dead-letter-command';

describe('dlq command', () => {
  it('understands its verbs', () => {
    expect(parseDeadLetterCommand(['list'])).toEqual({ kind: 'list', includeReplayed: false, limit: 100 });
    expect(parseDeadLetterCommand(['list', '--all', '--limit', '5'])).toEqual({
      kind: 'list',
      includeReplayed: true,
      limit: 5,
    });
    expect(parseDeadLetterCommand(['show', '--event', '7-1-42'])).toEqual({ kind: 'show', eventId: '7-1-42' });
    expect(parseDeadLetterCommand(['replay', '--event', '7-1-42'])).toEqual({
      kind: 'replay',
      wanted: { eventId: '7-1-42' },
    });
    expect(parseDeadLetterCommand(['replay', '--all'])).toEqual({ kind: 'replay', wanted: 'all' });
  });

  it.each([
    [[]],
    [['show']],
    [['replay']],
    [['replay', '--all', '--event', 'x']],
    [['list', '--limit', '0']],
    [['drop']],
    [['show', '--event']],
  ])('does not guess what %j means', (words: string[]) => {
    expect(parseDeadLetterCommand(words)).toBeUndefined();
  });
});
