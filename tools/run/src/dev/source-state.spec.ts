import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sourceState } from './source-state';

describe('sourceState', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'sources-'));
    for (const folder of ['apps/a/src', 'libs/b/src/generated', 'proto'])
      mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, 'apps/a/src/main.ts'), 'one');
  });

  afterEach(() => rmSync(root, { recursive: true }));

  it('changes with a source file that is changed, added or removed', () => {
    const states = [sourceState(root)];
    writeFileSync(join(root, 'apps/a/src/main.ts'), 'other');
    states.push(sourceState(root));
    writeFileSync(join(root, 'libs/b/src/x.lua'), '');
    states.push(sourceState(root));
    rmSync(join(root, 'apps/a/src/main.ts'));
    states.push(sourceState(root));
    expect(new Set(states).size).toBe(4);
  });

  it('does not change with tests and generated files', () => {
    const before = sourceState(root);
    writeFileSync(join(root, 'apps/a/src/main.spec.ts'), '');
    writeFileSync(join(root, 'libs/b/src/generated/y.ts'), '');
    expect(sourceState(root)).toBe(before);
  });
});
