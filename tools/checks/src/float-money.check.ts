import ts from 'typescript';
import { isTest } from './source-tree';
import type { Problem, SourceTree } from './source-tree';

const MONEY = /^libs\/(domain|discount)\/src\/|\/src\/(?:.*\/)?[^/]*(money|discount|price|amount|payment)[^/]*\.ts$/;
const FRACTION = /^(?!0[xob])[\d_]*\.[\d_]*[1-9]|e-\d/i;

/** Money is bigint minor units: a literal such as 0.1 in code that handles it is floating point on its way in. */
export function checkFloatMoney(tree: SourceTree): readonly Problem[] {
  return [...tree]
    .filter(([path]) => MONEY.test(path) && !isTest(path))
    .flatMap(([path, text]) => fractionsIn(path, text));
}

function fractionsIn(path: string, text: string): Problem[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, false);
  const problems: Problem[] = [];
  const visit = (node: ts.Node): void => {
    const literal = ts.isNumericLiteral(node) ? text.slice(node.end - node.getFullWidth(), node.end).trim() : '';
    if (FRACTION.test(literal)) {
      const { line } = file.getLineAndCharacterOfPosition(node.end);
      problems.push({ path, line: line + 1, message: `${literal} is a floating point literal in money code` });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return problems;
}
