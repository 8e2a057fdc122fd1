import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface SpecFiles {
  readonly unit: readonly string[];
  readonly integration: readonly string[];
}

const PARENTS = ['apps', 'libs', 'tools'];
const SKIPPED = new Set(['node_modules', 'dist', 'generated', '.run', '.cache']);

/** The folders of all projects with tests, relative to `root`. */
export function testProjects(root: string): string[] {
  return PARENTS.flatMap((parent) => readdirSync(join(root, parent)).map((name) => join(parent, name)))
    .filter((project) => existsSync(join(root, project, 'jest.config.js')))
    .sort();
}

/** Every spec of those projects whose path contains one of the words (all of them without words), relative to `root`. */
export function findSpecs(root: string, projects: readonly string[], words: readonly string[]): SpecFiles {
  const files = projects
    .flatMap((project) => filesBelow(root, project))
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
  return {
    unit: files.filter((file) => file.endsWith('.spec.ts')),
    integration: files.filter((file) => file.endsWith('.int-spec.ts')),
  };
}

function filesBelow(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .sort((a, b) => a.name.localeCompare(b.name))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (!entry.isDirectory()) return [path];
      return SKIPPED.has(entry.name) ? [] : filesBelow(root, path);
    });
}
