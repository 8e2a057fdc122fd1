import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../cli/run-command';
import { REPOSITORY, RUN_FOLDER } from '../platform/layout';
import { runTests } from '../test/run-tests';
import { NOTHING, add, lastLine } from '../test/tally';
import type { Tally } from '../test/tally';
import { CHECKS, breakingCheck, demoCheck } from './checks';
import type { Check } from './checks';
import { describeOutcome, runCheck } from './run-check';
import { exportProtos, processesOf, refWithProtos, workTree } from './traces';

const FOLDER = join(RUN_FOLDER, 'ci');
const MAIN_REFS = ['origin/main', 'main'];
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Everything that must hold for a commit; the last line counts tests and checks together. */
void runCommand(async ({ signal }) => {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  const before = { tree: workTree(REPOSITORY), processes: processesOf(REPOSITORY) };
  let tally = NOTHING;
  for (const check of [...CHECKS, ...breaking()]) tally = add(tally, await report(check, signal));
  const tests = await runTests({ root: REPOSITORY, kinds: ['unit', 'integration'], words: [], log: say, signal });
  if (tests.failed > 0) say('      to see it: npm test');
  tally = add(tally, tests);
  tally = add(tally, await report(demoCheck(join(FOLDER, 'demo.json')), signal));
  tally = add(tally, noTraces(before));
  for (const remark of tally.remarks) say(remark);
  say(lastLine(tally));
  writeFileSync(join(FOLDER, 'finished'), '');
  return tally.failed === 0 ? 0 : 1;
});

async function report(check: Check, signal: AbortSignal): Promise<Tally> {
  const outcome = await runCheck(check, REPOSITORY, signal);
  for (const line of describeOutcome(outcome)) say(line);
  return outcome.ok ? { passed: 1, failed: 0, remarks: [] } : { passed: 0, failed: 1, remarks: [] };
}

function breaking(): Check[] {
  const ref = refWithProtos(REPOSITORY, MAIN_REFS);
  if (ref === undefined) {
    say('      protos break nobody: main has no protos to compare with');
    return [];
  }
  const folder = join(FOLDER, 'main-protos');
  exportProtos(REPOSITORY, ref, folder);
  return [breakingCheck(folder)];
}

/** Everything that was started is gone, and nothing was written that git can see. */
function noTraces(before: { tree: string | undefined; processes: ReadonlyMap<number, string> }): Tally {
  const left = [...processesOf(REPOSITORY)].filter(([pid]) => !before.processes.has(pid));
  const tree = workTree(REPOSITORY);
  const ok = left.length === 0 && tree === before.tree;
  say(`${ok ? 'ok  ' : 'FAIL'}  leaves nothing behind`);
  for (const [pid, commandLine] of left) say(`      process ${pid}: ${commandLine}`);
  if (tree !== before.tree) say(`      the work tree changed; to see it: git status\n${tree}`);
  return ok ? { passed: 1, failed: 0, remarks: [] } : { passed: 0, failed: 1, remarks: [] };
}
