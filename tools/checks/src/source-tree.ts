import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Repository path (forward slashes) -> text. */
export type SourceTree = ReadonlyMap<string, string>;

export interface Problem {
  readonly path: string;
  /** 1-based; absent when the problem is the file as a whole. */
  readonly line?: number;
  readonly message: string;
}

export type Check = (tree: SourceTree) => readonly Problem[];

const ROOTS = ['apps', 'libs', 'tools'];
const SKIPPED = new Set(['node_modules', 'dist', 'generated', 'fixtures']);

/** Every .ts and .lua file of the projects, without generated code and fixtures. */
export function readSourceTree(root: string): SourceTree {
  const tree = new Map<string, string>();
  const visit = (path: string): void => {
    for (const entry of readdirSync(join(root, path), { withFileTypes: true })) {
      const child = `${path}/${entry.name}`;
      if (entry.isDirectory() && !SKIPPED.has(entry.name)) visit(child);
      else if (entry.isFile() && /\.(ts|lua)$/.test(entry.name))
        tree.set(child, readFileSync(join(root, child), 'utf8'));
    }
  };
  ROOTS.forEach(visit);
  return tree;
}

export function isTest(path: string): boolean {
  return /\.(spec|int-spec|bench)\.ts$|\/(test|bench)\//.test(path);
}

export function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}
