import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findSpecs, testProjects } from './spec-files';

describe('findSpecs', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'specs-'));
    const files = [
      'apps/a/jest.config.js',
      'apps/a/src/x.spec.ts',
      'apps/a/src/generated/y.spec.ts',
      'libs/b/jest.config.js',
      'libs/b/test/integration/z.int-spec.ts',
      'tools/c/src/no-project.spec.ts',
    ];
    for (const file of files) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), '');
    }
  });

  afterEach(() => rmSync(root, { recursive: true }));

  it('finds unit and integration specs of every project, not what is generated', () => {
    expect(findSpecs(root, testProjects(root), [])).toEqual({
      unit: ['apps/a/src/x.spec.ts'],
      integration: ['libs/b/test/integration/z.int-spec.ts'],
    });
  });

  it('keeps the files whose path has one of the words', () => {
    expect(findSpecs(root, testProjects(root), ['libs/'])).toMatchObject({
      unit: [],
      integration: [expect.any(String)],
    });
  });
});
