import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';

/** Processes whose command line names the repository, by id. Empty where /proc does not exist. */
export function processesOf(root: string): Map<number, string> {
  const found = new Map<number, string>();
  if (!existsSync('/proc/self/cmdline')) return found;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    try {
      const commandLine = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      if (commandLine.includes(root)) found.set(Number(entry), commandLine);
    } catch {
      // It ended in between.
    }
  }
  return found;
}

/** `git status` of the work tree; undefined outside git. */
export function workTree(root: string): string | undefined {
  if (!existsSync(`${root}/.git`)) return undefined;
  return execFileSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' });
}

/** The first of the refs that exists and has protos. */
export function refWithProtos(root: string, refs: readonly string[]): string | undefined {
  return refs.find((ref) => {
    try {
      execFileSync('git', ['cat-file', '-e', `${ref}:proto/buf.yaml`], { cwd: root, stdio: 'ignore' });
      return true;
    } catch {
      return false; // no such ref, or no protos there
    }
  });
}

/** Lays the protos of a ref out below `folder`. */
export function exportProtos(root: string, ref: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const archive = execFileSync('git', ['archive', ref, 'proto'], { cwd: root, maxBuffer: 64 * 2 ** 20 });
  execFileSync('tar', ['-x', '-C', folder], { input: archive });
}
