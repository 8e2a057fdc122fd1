import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { canUnpack, openTree, unpackTree } from '../debian/unpacked-tree';
import type { Installation, Recipe } from '../recipes/recipe';
import { startProcessServer } from './process-server';
import { unavailable } from './source';
import type { Source, SourceContext } from './source';

/** Packages of a newer Debian, or of the system's own suite, unpacked below the cache directory and run from there. Installs nothing. */
export const unpackedSource: Source = {
  name: 'unpacked',
  description: 'unpacked Debian packages',
  async open(recipe, context) {
    if (recipe.packages.length === 0) return unavailable('Debian has no package of it');
    const directory = join(context.cacheDirectory, recipe.kind);
    const cached = await findIn(directory, recipe);
    if (cached) return { kind: 'server', server: await startProcessServer(recipe, cached, 'unpacked', context) };
    if (!(await canUnpack())) return unavailable('no apt-get and dpkg-deb on this system');
    const unpacked = await unpackFirst(directory, recipe, context);
    if (typeof unpacked === 'string') return unavailable(unpacked);
    return { kind: 'server', server: await startProcessServer(recipe, unpacked, 'unpacked', context) };
  },
};

async function findIn(directory: string, recipe: Recipe): Promise<Installation | undefined> {
  const tree = openTree(directory);
  return tree && recipe.findUnpacked(tree);
}

/** The first suite that has the packages and whose program runs; else all the reasons. */
async function unpackFirst(directory: string, recipe: Recipe, context: SourceContext): Promise<Installation | string> {
  const reasons: string[] = [];
  for (const { suite, names } of recipe.packages) {
    context.log(`${recipe.kind.padEnd(9)} unpacking ${names.join(', ')} (${suite}) below ${directory}, once`);
    try {
      rmSync(directory, { recursive: true, force: true });
      const tree = await unpackTree({ directory, suite, packages: names });
      const installation = await recipe.findUnpacked(tree);
      if (installation) return installation;
      reasons.push(`${suite}: the program does not run or is too old`);
    } catch (error) {
      reasons.push(`${suite}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return reasons.join('; ');
}
