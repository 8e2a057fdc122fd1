import { join } from 'node:path';
import { checkDeadExports } from './dead-exports.check';
import { checkFloatMoney } from './float-money.check';
import { checkLuaScripts } from './lua-scripts.check';
import { checkRedisOutsideLua } from './redis-outside-lua.check';
import { readSourceTree } from './source-tree';

const tree = readSourceTree(join(__dirname, '..', '..', '..'));
const checks = {
  'lua-scripts': checkLuaScripts,
  'redis-outside-lua': checkRedisOutsideLua,
  'float-money': checkFloatMoney,
  'dead-exports': checkDeadExports,
};
const problems = Object.entries(checks).flatMap(([name, check]) =>
  check(tree).map(({ path, line, message }) => `${path}${line === undefined ? '' : `:${line}`}  ${message}  [${name}]`),
);
for (const problem of problems) console.log(problem);
console.log(`${tree.size} files, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
