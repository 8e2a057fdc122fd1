import { parseArgs } from 'node:util';
import { runCommand } from '../cli/run-command';
import { UserError } from '../cli/user-error';
import { REPOSITORY } from '../platform/layout';
import { runTests } from './run-tests';
import { lastLine } from './tally';

const USAGE =
  'usage: npm test -- [--unit | --integration] [part of a path]…   (all tests without options; files whose path contains a part)';

void runCommand(async ({ args, signal }) => {
  const { kinds, words } = readArguments(args);
  const tally = await runTests({
    root: REPOSITORY,
    kinds,
    words,
    signal,
    log: (line) => process.stdout.write(`${line}\n`),
  });
  for (const remark of tally.remarks) process.stdout.write(`${remark}\n`);
  process.stdout.write(`${lastLine(tally)}\n`);
  return tally.failed === 0 ? 0 : 1;
});

function readArguments(args: readonly string[]): { kinds: ('unit' | 'integration')[]; words: string[] } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { unit: { type: 'boolean' }, integration: { type: 'boolean' } },
    });
    const both = values.unit === values.integration;
    const kinds: ('unit' | 'integration')[] = both ? ['unit', 'integration'] : values.unit ? ['unit'] : ['integration'];
    return { kinds, words: positionals };
  } catch (error) {
    throw new UserError(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
}
