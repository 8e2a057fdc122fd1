import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { headerProblems, readScripts, renderModule } from './embed-scripts';

const HEADER = `--[[
purpose: adds
keys:
  KEYS[1] a counter
args: none
returns: {1} added | {-1} refused
ttl: none
]]
`;

describe('embedding of Lua scripts', () => {
  test('a script that keeps its contract has no problems', () => {
    expect(headerProblems('a.lua', `${HEADER}return { -1 }\n`)).toEqual([]);
  });

  test.each([
    ['no header', 'return 1', 'must start with'],
    ['a section missing', HEADER.replace('ttl: none\n', ''), 'lacks "ttl:"'],
    ['a key that is not in the header', `${HEADER}redis.call('GET', KEYS[2])`, 'KEYS[2] is not in the header'],
    ['a return code that is not in the header', `${HEADER}return { -7 }`, 'return code -7'],
    ['a bare return code that is not in the header', `${HEADER}return -8`, 'return code -8'],
  ])('%s is a problem', (_, source, problem) => {
    expect(headerProblems('a.lua', source).join()).toContain(problem);
  });

  describe('of a folder', () => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'lua-'));
      mkdirSync(join(folder, 'includes'));
      mkdirSync(join(folder, 'stock'));
    });
    afterEach(() => rmSync(folder, { recursive: true }));

    test('puts includes in place, names scripts in camelCase and escapes their text', () => {
      writeFileSync(join(folder, 'includes', 'helper.lua'), 'local function f() return "`${x}`" end\n');
      writeFileSync(join(folder, 'stock', 'add-units.lua'), `${HEADER}--@include helper\nreturn { 1 }\n`);
      const [script] = readScripts(folder);
      expect(script).toMatchObject({ name: 'addUnits', path: 'stock/add-units.lua', numberOfKeys: 1 });
      expect(script?.text).toContain('local function f()');
      expect(script?.sha1).toMatch(/^[0-9a-f]{40}$/);
      expect(renderModule(readScripts(folder))).toContain(JSON.stringify(script?.text));
    });

    test('makes a function of a whole script, without its header and with its includes', () => {
      writeFileSync(join(folder, 'includes', 'helper.lua'), 'local one = 1\n');
      writeFileSync(join(folder, 'stock', 'add-units.lua'), `${HEADER}--@include helper\nreturn { KEYS[1], one }\n`);
      const caller = HEADER.replace('a counter', 'a counter\n  KEYS[2] another');
      writeFileSync(
        join(folder, 'stock', 'twice.lua'),
        `${caller}--@function add_units = stock/add-units\nadd_units(KEYS, ARGV)\nreturn add_units({ KEYS[2] }, ARGV)\n`,
      );
      const twice = readScripts(folder).find((script) => script.name === 'twice');
      expect(twice?.text.slice(caller.length)).toBe(
        'local function add_units(KEYS, ARGV)\nlocal one = 1\nreturn { KEYS[1], one }\nend\n' +
          'add_units(KEYS, ARGV)\nreturn add_units({ KEYS[2] }, ARGV)\n',
      );
      expect(twice?.numberOfKeys).toBe(2);
    });

    test('refuses a folder without scripts', () => {
      expect(() => readScripts(folder)).toThrow('no .lua files');
    });

    test('lists the problems of all scripts at once', () => {
      writeFileSync(join(folder, 'stock', 'a.lua'), 'return 1');
      writeFileSync(join(folder, 'stock', 'b.lua'), 'return 1');
      expect(() => readScripts(folder)).toThrow(/a\.lua[\s\S]*b\.lua/);
    });
  });
});
