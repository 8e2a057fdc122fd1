import ts from 'typescript';
import { ALLOWED_DEAD_EXPORTS } from './dead-exports.allowed';
import type { Problem, SourceTree } from './source-tree';

const INDEX = /^libs\/([^/]+)\/src\/index\.ts$/;
type Allowed = Readonly<Record<string, { readonly reason: string; readonly names: readonly string[] }>>;

/**
 * Values that a library exports and no other project imports. Types are left out: they name what the exported functions take and give,
 * and are used by inference.
 */
export function checkDeadExports(tree: SourceTree, allowed: Allowed = ALLOWED_DEAD_EXPORTS): readonly Problem[] {
  const used = importedNames(tree);
  return [...tree].flatMap(([path, text]) => {
    const lib = INDEX.exec(path)?.[1];
    if (lib === undefined) return [];
    const alias = `@coupon/${lib}`;
    const kept = new Set(allowed[alias]?.names);
    const exported = exportedValues(path, text);
    const isUsed = (name: string): boolean => used.get(alias)?.has(name) === true;
    const dead = exported.filter((name) => !isUsed(name) && !kept.has(name));
    const superfluous = [...kept].filter((name) => !exported.includes(name) || isUsed(name));
    return [
      ...dead.map((name) => ({ path, message: `${name} is exported and imported by no other project` })),
      ...superfluous.map((name) => ({ path, message: `${name} is listed in dead-exports.allowed.ts without need` })),
    ];
  });
}

function exportedValues(path: string, text: string): string[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, false);
  return file.statements.flatMap((statement) =>
    ts.isExportDeclaration(statement) &&
    !statement.isTypeOnly &&
    !isGenerated(statement.moduleSpecifier) &&
    statement.exportClause !== undefined &&
    ts.isNamedExports(statement.exportClause)
      ? statement.exportClause.elements.filter(({ isTypeOnly }) => !isTypeOnly).map(({ name }) => name.text)
      : [],
  );
}

/** Generated code is exported whole: it mirrors proto/, not what is needed today. */
function isGenerated(specifier: ts.Expression | undefined): boolean {
  return specifier !== undefined && ts.isStringLiteral(specifier) && specifier.text.startsWith('./generated/');
}

/** Alias -> names imported from it, type imports included (a class may be used as a type only). */
function importedNames(tree: SourceTree): Map<string, Set<string>> {
  const used = new Map<string, Set<string>>();
  for (const [path, text] of tree) {
    if (!path.endsWith('.ts') || !text.includes('@coupon/')) continue;
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, false);
    const visit = (node: ts.Node): void => {
      collect(node, used);
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return used;
}

function collect(node: ts.Node, used: Map<string, Set<string>>): void {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    const bindings = node.importClause?.namedBindings;
    if (bindings !== undefined && ts.isNamedImports(bindings)) {
      const names = bindings.elements.map(({ propertyName, name }) => (propertyName ?? name).text);
      add(used, node.moduleSpecifier.text, names);
    }
  }
  // import('@coupon/x') followed by a destructuring: const { a } = await import(…)
  if (ts.isVariableDeclaration(node) && ts.isObjectBindingPattern(node.name) && node.initializer !== undefined) {
    const alias = dynamicImportOf(node.initializer);
    if (alias !== undefined)
      add(
        used,
        alias,
        node.name.elements.map(({ propertyName, name }) => nameText(propertyName ?? name)),
      );
  }
}

function dynamicImportOf(expression: ts.Expression): string | undefined {
  const call = ts.isAwaitExpression(expression) ? expression.expression : expression;
  if (!ts.isCallExpression(call) || call.expression.kind !== ts.SyntaxKind.ImportKeyword) return undefined;
  const [argument] = call.arguments;
  return argument !== undefined && ts.isStringLiteral(argument) ? argument.text : undefined;
}

function nameText(name: ts.PropertyName | ts.BindingName): string {
  return ts.isIdentifier(name) ? name.text : '';
}

function add(used: Map<string, Set<string>>, alias: string, names: readonly string[]): void {
  const known = used.get(alias) ?? new Set();
  names.forEach((name) => known.add(name));
  used.set(alias, known);
}
