import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';

/** One script ready to be embedded: its header was checked, its includes are in place. */
export interface EmbeddedScript {
  /** camelCase of the file name, the property under which code finds it. */
  readonly name: string;
  /** Path below the scripts folder, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly sha1: string;
  readonly numberOfKeys: number;
}

const HEADER = /^--\[\[\n([\s\S]*?)\n\]\]/;
const SECTIONS = ['purpose', 'keys', 'args', 'returns', 'ttl'];

/** The problems of one script's header, empty when it keeps the contract (ground rule: "A script is a contract"). */
export function headerProblems(path: string, source: string): string[] {
  const header = HEADER.exec(source)?.[1];
  if (header === undefined) return [`${path}: must start with a --[[ header ]]`];
  const problems = SECTIONS.filter((section) => !new RegExp(`^${section}:`, 'm').test(header)).map(
    (section) => `${path}: the header lacks "${section}:"`,
  );
  const body = source.slice(header.length);
  const documented = highestKey(header);
  if (highestKey(body) > documented) problems.push(`${path}: KEYS[${highestKey(body)}] is not in the header`);
  for (const [, code] of body.matchAll(/return (?:\{ )?(-\d+)/g)) {
    if (code !== undefined && !new RegExp(`${code}\\b`).test(header)) {
      problems.push(`${path}: return code ${code} is not in the header`);
    }
  }
  return problems;
}

function highestKey(text: string): number {
  return Math.max(0, ...[...text.matchAll(/KEYS\[(\d+)\]/g)].map((match) => Number(match[1])));
}

/**
 * `--@include name` puts includes/name.lua in place. `--@function name = area/script` makes a local function of a whole script, without its
 * header: scripts cannot call each other in Redis, and there must be only one text that takes stock.
 */
function withIncludes(source: string, folder: string): string {
  return source
    .replace(/^--@function ([a-z_]+) = ([a-z-]+\/[a-z-]+)$/gm, (_, name: string, path: string) => {
      const body = readFileSync(join(folder, `${path}.lua`), 'utf8')
        .replace(HEADER, '')
        .trim();
      return `local function ${name}(KEYS, ARGV)\n${body}\nend`;
    })
    .replace(/^--@include ([a-z-]+)$/gm, (_, name: string) =>
      readFileSync(join(folder, 'includes', `${name}.lua`), 'utf8').trimEnd(),
    );
}

/** Reads every script below `folder` (the includes apart). Throws with all problems listed, also when there is no script at all. */
export function readScripts(folder: string): EmbeddedScript[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.lua') && !file.startsWith(`includes${sep}`))
    .sort();
  if (files.length === 0) throw new Error(`no .lua files below ${folder}`);
  const problems: string[] = [];
  const scripts = files.map((file) => {
    const source = readFileSync(join(folder, file), 'utf8');
    const path = relative(folder, join(folder, file)).split(sep).join('/');
    problems.push(...headerProblems(path, source));
    const text = withIncludes(source, folder);
    return {
      name: basename(file, '.lua').replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      path,
      text,
      sha1: createHash('sha1').update(text).digest('hex'),
      numberOfKeys: highestKey(text),
    };
  });
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return scripts;
}

/** The TypeScript module that carries the scripts, so that bundles never have to copy a .lua file. */
export function renderModule(scripts: readonly EmbeddedScript[]): string {
  const entries = scripts.map(
    (script) =>
      `  /** ${script.path} */\n  ${script.name}: {\n    sha1: '${script.sha1}',\n    numberOfKeys: ${script.numberOfKeys},\n` +
      `    text: ${JSON.stringify(script.text)},\n  },`,
  );
  return [
    '// Made by tools/lua-codegen from src/scripts/**/*.lua: change the script, then run `nx run lua:generate`.',
    `export const scripts = {\n${entries.join('\n')}\n} as const;`,
    '',
  ].join('\n');
}
