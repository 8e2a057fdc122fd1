const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..', '..');

/** The path aliases of tsconfig.base.json as Jest's moduleNameMapper, so that the aliases are written down once. */
function pathsToModuleNameMapper() {
  const { compilerOptions } = JSON.parse(readFileSync(join(root, 'tsconfig.base.json'), 'utf8'));
  return Object.fromEntries(
    Object.entries(compilerOptions.paths).map(([alias, [target]]) => [`^${alias}$`, join(root, target)]),
  );
}

module.exports = { pathsToModuleNameMapper };
