import { checkDeadExports } from './dead-exports.check';
import { checkFloatMoney } from './float-money.check';
import { checkLuaScripts } from './lua-scripts.check';
import { checkRedisOutsideLua } from './redis-outside-lua.check';
import type { Problem } from './source-tree';

const tree = (files: Record<string, string>): Map<string, string> => new Map(Object.entries(files));
const messages = (problems: readonly Problem[]): string[] =>
  problems.map(({ path, line, message }) => `${path}:${line ?? ''} ${message}`);

describe('lua-scripts', () => {
  const header = '--[[\npurpose: x\nkeys: x\nargs: x\nreturns: x\nttl: none\n]]\nreturn 1';
  const good = {
    'libs/lua/src/scripts/claim/take-unit.lua': header,
    'libs/lua/src/scripts/includes/shared.lua': '-- no contract of its own',
    'libs/lua/src/take-unit.ts': "runScript(redis, 'takeUnit', keys, []);",
    'libs/lua/test/integration/take-unit.int-spec.ts': "import { takeUnit } from '../../src/take-unit';",
  };

  it('accepts a script with header, wrapper and integration test', () => {
    expect(checkLuaScripts(tree(good))).toEqual([]);
  });

  it('refuses a script whose header lacks a section', () => {
    const broken = { ...good, 'libs/lua/src/scripts/claim/take-unit.lua': header.replace('ttl: none\n', '') };
    expect(messages(checkLuaScripts(tree(broken)))).toEqual([
      'libs/lua/src/scripts/claim/take-unit.lua: the header lacks "ttl:"',
    ]);
  });

  it('refuses a script that no wrapper runs, also when a spec beside it names it', () => {
    const { 'libs/lua/src/take-unit.ts': wrapper, ...rest } = good;
    expect(messages(checkLuaScripts(tree({ ...rest, 'libs/lua/src/take-unit.spec.ts': wrapper })))).toEqual([
      expect.stringContaining("no wrapper in libs/lua/src runs 'takeUnit'") as string,
    ]);
  });

  it('refuses a wrapper that no integration test imports, or only as a type', () => {
    const untested = {
      ...good,
      'libs/lua/test/integration/take-unit.int-spec.ts': "import type { Taken } from '../../src/take-unit';",
    };
    expect(messages(checkLuaScripts(tree(untested)))).toEqual([
      expect.stringContaining('no integration test imports') as string,
    ]);
  });

  it('refuses to find no scripts at all', () => {
    expect(checkLuaScripts(tree({}))).toHaveLength(1);
  });
});

describe('redis-outside-lua', () => {
  it.each([
    "await redis.eval('return 1', 0);",
    'redis.evalsha(sha, 0);',
    "await redis.call('EVALSHA', sha, '0');",
    "redis.defineCommand('x', {});",
    "const script = `redis.pcall('GET', KEYS[1])`;",
  ])('refuses %s in an app', (line) => {
    const [problem] = checkRedisOutsideLua(tree({ 'apps/seckill-gateway/src/adapters/x.ts': `// first\n${line}` }));
    expect(problem).toMatchObject({ line: 2 });
  });

  it('lets libs/lua, tests and other words alone', () => {
    const line = "redis.eval('return 1', 0);";
    expect(
      checkRedisOutsideLua(
        tree({
          'libs/lua/src/x.ts': line,
          'apps/a/test/x.int-spec.ts': line,
          'libs/domain/src/x.ts': 'evaluate(); medieval();',
        }),
      ),
    ).toEqual([]);
  });
});

describe('float-money', () => {
  it.each(['0.1', '1.50', '.5', '1e-2', '1_000.25'])('refuses %s in code that handles money', (literal) => {
    const found = checkFloatMoney(tree({ 'libs/domain/src/money.ts': `const ok = 1;\nconst x = ${literal};` }));
    expect(messages(found)).toEqual([
      `libs/domain/src/money.ts:2 ${literal} is a floating point literal in money code`,
    ]);
  });

  it('lets whole numbers, texts, comments, tests and other code alone', () => {
    expect(
      checkFloatMoney(
        tree({
          'libs/discount/src/ratio.ts':
            "const x = 100n; const y = 1e15; const z = '0.1'; // 0.1\nconst h = 0xe; const t = 1.0;",
          'libs/domain/src/money.spec.ts': 'const x = 0.1;',
          'apps/seckill-gateway/src/limits.ts': 'const x = 0.8;',
        }),
      ),
    ).toEqual([]);
  });

  it('finds money code in apps by its name', () => {
    expect(
      checkFloatMoney(tree({ 'apps/saga-participant/src/use-cases/create-payment.use-case.ts': 'const fee = 0.5;' })),
    ).toHaveLength(1);
  });
});

describe('dead-exports', () => {
  const lib = {
    'libs/domain/src/index.ts':
      "export { parse, format } from './money';\nexport type { Money } from './money';\nexport { Id } from './ids';",
    'libs/domain/src/other.ts': "import { format } from '@coupon/domain';",
  };

  it('accepts exports that another project imports, as a value, as a type, under another name or on demand', () => {
    const users = {
      'apps/a/src/a.ts': "import { parse as read } from '@coupon/domain';\nimport type { Id } from '@coupon/domain';",
      'apps/b/src/b.ts': "const { format } = await import('@coupon/domain');",
    };
    expect(checkDeadExports(tree({ ...lib, ...users }), {})).toEqual([]);
  });

  it('refuses a value that nobody imports, types aside', () => {
    const found = checkDeadExports(tree({ 'libs/domain/src/index.ts': lib['libs/domain/src/index.ts'] }), {});
    expect(found.map(({ message }) => message.split(' ')[0])).toEqual(['parse', 'format', 'Id']);
  });

  it('lets generated code alone: it mirrors proto/', () => {
    const index = "export { LockCouponRequest } from './generated/coupon/v1/saga';";
    expect(checkDeadExports(tree({ 'libs/contracts/src/index.ts': index }), {})).toEqual([]);
  });

  it('accepts what is listed with a reason, and refuses a listing without need', () => {
    const allowed = { '@coupon/domain': { reason: 'next step', names: ['parse', 'Id', 'gone', 'format'] } };
    const found = checkDeadExports(
      tree({ ...lib, 'apps/a/src/a.ts': "import { format } from '@coupon/domain';" }),
      allowed,
    );
    expect(messages(found)).toEqual([
      'libs/domain/src/index.ts: gone is listed in dead-exports.allowed.ts without need',
      'libs/domain/src/index.ts: format is listed in dead-exports.allowed.ts without need',
    ]);
  });
});
