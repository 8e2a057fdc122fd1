import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/*
 * A rule that no longer matches anything is worse than none: every guard is shown a text it must refuse. The texts stand in for existing
 * files, because module boundaries depend on the project a file belongs to.
 */

interface Case {
  readonly title: string;
  readonly file: string;
  readonly text?: string;
  /** The rule that must complain, or none. */
  readonly rule?: string;
}

const BOUNDARIES = '@nx/enforce-module-boundaries';
const use = (imported: string): string => `import * as used from '${imported}';\nexport const kept = used;\n`;

const cases: readonly Case[] = [
  { title: 'lets a library use the domain', file: 'libs/contracts/src/index.ts', text: use('@coupon/domain') },
  {
    title: 'refuses that the domain uses another library',
    file: 'libs/domain/src/index.ts',
    text: use('@coupon/lua'),
    rule: BOUNDARIES,
  },
  {
    title: 'refuses that service-kit uses persistence',
    file: 'libs/service-kit/src/index.ts',
    text: use('@coupon/persistence'),
    rule: BOUNDARIES,
  },
  {
    title: 'refuses that contracts use service-kit',
    file: 'libs/contracts/src/index.ts',
    text: use('@coupon/service-kit'),
    rule: BOUNDARIES,
  },
  {
    title: 'lets the saga app use persistence',
    file: 'apps/saga-participant/src/main.ts',
    text: use('@coupon/persistence'),
  },
  {
    title: 'refuses that the gateway uses MySQL',
    file: 'apps/seckill-gateway/src/main.ts',
    text: use('@coupon/persistence'),
    rule: BOUNDARIES,
  },
  {
    title: 'refuses that an app ships test code',
    file: 'apps/saga-participant/src/main.ts',
    text: use('@coupon/testing'),
    rule: BOUNDARIES,
  },
  {
    title: 'lets a spec use test code',
    file: 'apps/saga-participant/src/saga-participant.spec.ts',
    text: use('@coupon/testing'),
  },
  {
    title: 'refuses that a library reaches into an app',
    file: 'libs/service-kit/src/index.ts',
    text: use('../../../apps/saga-participant/src/config'),
    rule: BOUNDARIES,
  },
  {
    title: 'refuses that an app reaches into another',
    file: 'apps/seckill-gateway/src/main.ts',
    text: use('../../saga-participant/src/config'),
    rule: BOUNDARIES,
  },
  {
    title: 'refuses that an app reaches past the index of a library',
    file: 'apps/saga-participant/src/main.ts',
    text: use('../../../libs/service-kit/src/clock'),
    rule: BOUNDARIES,
  },
  { title: 'refuses an import cycle', file: 'tools/lint/fixtures/cycle/first.ts', rule: 'import-x/no-cycle' },
  {
    title: 'refuses a package that package.json does not name',
    file: 'libs/service-kit/src/index.ts',
    text: use('protobufjs'),
    rule: 'import-x/no-extraneous-dependencies',
  },
  {
    title: 'refuses the environment outside config.ts',
    file: 'apps/saga-participant/src/main.ts',
    text: "export const port = process.env['PORT'];\n",
    rule: 'no-restricted-properties',
  },
  {
    title: 'lets config.ts read the environment',
    file: 'apps/saga-participant/src/config.ts',
    text: "export const port = process.env['PORT'];\n",
  },
  {
    title: 'refuses the console in an app',
    file: 'apps/saga-participant/src/main.ts',
    text: "console.log('x');\n",
    rule: 'no-console',
  },
  {
    title: 'refuses the clock in the domain',
    file: 'libs/domain/src/money.ts',
    text: 'export const now = Date.now();\n',
    rule: 'no-restricted-syntax',
  },
  {
    title: 'refuses randomness in the domain',
    file: 'libs/domain/src/money.ts',
    text: 'export const luck = Math.random();\n',
    rule: 'no-restricted-syntax',
  },
  {
    title: 'refuses a promise nobody waits for',
    file: 'apps/saga-participant/src/main.ts',
    text: 'Promise.resolve(1);\n',
    rule: '@typescript-eslint/no-floating-promises',
  },
  {
    title: 'refuses any',
    file: 'libs/domain/src/money.ts',
    text: 'export const x = (y: any): unknown => y;\n',
    rule: '@typescript-eslint/no-explicit-any',
  },
];

describe('the lint configuration', () => {
  let answers: string[][] = [];

  beforeAll(() => {
    const input = JSON.stringify(cases.map(({ file, text }) => ({ file, text })));
    const { stdout, stderr, status } = spawnSync(process.execPath, [join(__dirname, 'lint-text.mjs')], {
      input,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(stderr);
    answers = JSON.parse(stdout) as string[][];
  }, 120_000);

  it.each(cases.map((entry, index) => ({ ...entry, index })))('$title', ({ index, rule }) => {
    const complaints = answers[index] ?? ['not linted'];
    if (rule === undefined) expect(complaints).toEqual([]);
    else expect(complaints).toEqual(expect.arrayContaining([expect.stringMatching(`^${rule}: `)]));
  });
});
