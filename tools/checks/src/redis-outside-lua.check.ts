import { isTest, lineOf } from './source-tree';
import type { Problem, SourceTree } from './source-tree';

const FORBIDDEN =
  /\bredis\.p?call\(|\.(?:eval|evalsha|eval_ro|evalsha_ro|fcall|defineCommand)\(|['"](?:EVAL|EVALSHA|FCALL)(?:_RO)?['"]/gi;

/** Scripts live in libs/lua and are run by their wrappers there: nobody else sends Lua. */
export function checkRedisOutsideLua(tree: SourceTree): readonly Problem[] {
  return [...tree]
    .filter(([path]) => /^(apps|libs)\//.test(path) && !path.startsWith('libs/lua/') && !isTest(path))
    .flatMap(([path, text]) =>
      [...text.matchAll(FORBIDDEN)].map((match) => ({
        path,
        line: lineOf(text, match.index),
        message: `${match[0]} belongs into libs/lua`,
      })),
    );
}
