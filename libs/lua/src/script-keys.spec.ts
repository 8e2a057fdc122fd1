import { scripts } from './generated/scripts';

/** Commands whose key is not the argument after their name. */
const KEY_POSITION: Readonly<Record<string, number | null>> = { TIME: null, INFO: null, XGROUP: 2, XINFO: 2 };

interface Call {
  readonly command: string;
  readonly key: string;
}

/** Every redis.call of a script with the text of its first key; comments are taken out before. */
function callsOf(code: string): Call[] {
  const calls: Call[] = [];
  for (const [, command = '', rest = ''] of code.matchAll(/redis\.p?call\('(\w+)'([^\n]*)/g)) {
    const position = KEY_POSITION[command] ?? (command in KEY_POSITION ? null : 1);
    if (position === null) continue;
    calls.push({ command, key: (rest.split(',')[position] ?? '').replace(/\).*$/, '').trim() });
  }
  return calls;
}

const withoutComments = (text: string): string => text.replace(/--\[\[[\s\S]*?\]\]/g, '').replace(/--[^\n]*/g, '');

/** A lone cluster node holds every slot and would let a script touch any key: so this is read, not run. */
describe.each(Object.entries(scripts))('invariant 11: %s', (_name, script) => {
  const code = withoutComments(script.text);

  it('touches only keys that are passed in KEYS', () => {
    const strangers = callsOf(code).filter(({ key }) => {
      if (/^KEYS\[\d+\]$/.test(key)) return false;
      // A local that picks one of the keys, such as rate_key.
      const definition = new RegExp(`local ${key} = ([^\\n]*)`).exec(code)?.[1] ?? '';
      return !/^\w+$/.test(key) || !definition.includes('KEYS[') || /['"]|\.\./.test(definition);
    });
    expect(strangers).toEqual([]);
  });

  it('uses every key that its wrapper passes, and none beyond', () => {
    const used = new Set([...code.matchAll(/KEYS\[(\d+)\]/g)].map(([, index]) => Number(index)));
    expect([...used].sort((a, b) => a - b)).toEqual(Array.from({ length: script.numberOfKeys }, (_, i) => i + 1));
  });
});
