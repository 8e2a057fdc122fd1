import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashOf } from './generated.mjs';

describe('hashOf', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'hash-'));
    mkdirSync(join(root, 'prisma', 'migrations'), { recursive: true });
    writeFileSync(join(root, 'prisma', 'schema.prisma'), 'model A {}');
    writeFileSync(join(root, 'prisma', 'migrations', 'one.sql'), 'CREATE TABLE a');
  });

  afterEach(() => rmSync(root, { recursive: true }));

  it('changes with the content and with the names of the files, not with a path that does not exist', () => {
    const before = hashOf(root, ['prisma']);
    expect(hashOf(root, ['prisma', 'absent'])).toBe(before);
    renameSync(join(root, 'prisma', 'migrations', 'one.sql'), join(root, 'prisma', 'migrations', 'two.sql'));
    const renamed = hashOf(root, ['prisma']);
    expect(renamed).not.toBe(before);
    writeFileSync(join(root, 'prisma', 'schema.prisma'), 'model B {}');
    expect(hashOf(root, ['prisma'])).not.toBe(renamed);
  });
});
