import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isSource } from './is-source';

const FOLDERS = ['apps', 'libs', 'proto'];

/** A text that is another one as soon as a source file below apps, libs or proto is another one. */
export function sourceState(root: string): string {
  const hash = createHash('sha1');
  for (const folder of FOLDERS) addFolder(root, folder, (line) => hash.update(line));
  return hash.digest('hex');
}

function addFolder(root: string, folder: string, add: (line: string) => void): void {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (isSource(`${path}/any.ts`)) addFolder(root, path, add);
    } else if (isSource(path)) {
      const stat = statSync(join(root, path), { throwIfNoEntry: false });
      if (stat) add(`${path} ${stat.mtimeMs} ${stat.size}\n`);
    }
  }
}
