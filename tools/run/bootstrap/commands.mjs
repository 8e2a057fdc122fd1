import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Entry point of each command, below the repository. A command exists when its entry does. */
const ENTRIES = {
  demo: 'tools/demo/src/main.ts',
  test: 'tools/run/src/test/main.ts',
  dev: 'tools/run/src/dev/main.ts',
  stop: 'tools/run/src/stop/main.ts',
  bench: 'tools/bench/src/main.ts',
  chaos: 'tools/chaos/src/main.ts',
  ci: 'tools/run/src/ci/main.ts',
};

/**
 * @param {string} root
 * @param {string | undefined} command
 * @returns {{ entry: string } | { usage: string }}
 */
export function findCommand(root, command) {
  const known = Object.entries(ENTRIES).filter(([, entry]) => existsSync(join(root, entry)));
  const entry = known.find(([name]) => name === command)?.[1];
  if (entry) return { entry: join(root, entry) };
  const names = known.map(([name]) => name).join(', ');
  return {
    usage: command ? `There is no command "${command}"; there are: ${names}.` : `Which command? One of: ${names}.`,
  };
}
