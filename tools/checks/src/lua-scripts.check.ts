import type { Problem, SourceTree } from './source-tree';

const SECTIONS = ['purpose', 'keys', 'args', 'returns', 'ttl'];
const SCRIPT = /^libs\/lua\/src\/scripts\/(?!includes\/).+\.lua$/;
const WRAPPER = /^libs\/lua\/src\/[^/]+(?<!\.spec)\.ts$/;
const INTEGRATION = /^libs\/lua\/test\//;

/** A script is a contract: header, one typed wrapper, a test on a real Redis. */
export function checkLuaScripts(tree: SourceTree): readonly Problem[] {
  const scripts = [...tree.keys()].filter((path) => SCRIPT.test(path));
  if (scripts.length === 0)
    return [{ path: 'libs/lua/src/scripts', message: 'no scripts found: has the folder moved?' }];
  return scripts.flatMap((path) => [...headerProblems(path, tree), ...wrapperProblems(path, tree)]);
}

function headerProblems(path: string, tree: SourceTree): Problem[] {
  const header = /^--\[\[\n([\s\S]*?)\n\]\]/.exec(tree.get(path) ?? '')?.[1] ?? '';
  return SECTIONS.filter((section) => !new RegExp(`^${section}:`, 'm').test(header)).map((section) => ({
    path,
    message: `the header lacks "${section}:"`,
  }));
}

function wrapperProblems(path: string, tree: SourceTree): Problem[] {
  const name = camelCase(path);
  const wrappers = [...tree]
    .filter(([file, text]) => WRAPPER.test(file) && text.includes(`'${name}'`))
    .map(([file]) => file);
  if (wrappers.length === 0) return [{ path, message: `no wrapper in libs/lua/src runs '${name}'` }];
  const tests = [...tree].filter(([file]) => INTEGRATION.test(file)).map(([, text]) => text);
  const tested = wrappers.some((wrapper) => tests.some((text) => importsValueFrom(text, moduleName(wrapper))));
  return tested ? [] : [{ path, message: `no integration test imports its wrapper (${wrappers.join(', ')})` }];
}

function importsValueFrom(text: string, module: string): boolean {
  return new RegExp(`^import (?!type )[^;]*from '[./]+src/${module}'`, 'm').test(text);
}

/** scripts/claim/claim-units.lua -> claimUnits */
function camelCase(path: string): string {
  return moduleName(path).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function moduleName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\.(lua|ts)$/, '');
}
