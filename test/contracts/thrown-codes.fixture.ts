import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';

/** Code of a refusal, and the files (from the root) that throw or answer with it. */
export interface ThrownCodes {
  readonly codes: ReadonlyMap<string, readonly string[]>;
  /** Files that refuse with a code which is no literal: they pass on what another file or service said. */
  readonly passingOn: readonly string[];
  readonly filesRead: number;
}

const REFUSING = new Set(['refuse', 'refuseField', 'DomainError']);
/** Tables from a foreign error to a code (libs/platform/src/problem-responses.ts). */
const TABLE = /_CODES$/;

/** Reads the sources, not the running system: every code that a literal names where something is refused. */
export function thrownCodes(root: string, folders: readonly string[]): ThrownCodes {
  const codes = new Map<string, string[]>();
  const passingOn: string[] = [];
  const files = folders.flatMap((folder) => sourcesIn(join(root, folder)));
  for (const path of files) {
    const file = relative(root, path);
    const found = codesIn(ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true));
    for (const code of found.codes) codes.set(code, [...(codes.get(code) ?? []), file]);
    if (found.passesOn) passingOn.push(file);
  }
  return { codes, passingOn, filesRead: files.length };
}

function sourcesIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !/\.(spec|fixture)\.ts$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/\/(test|testing)\//.test(path));
}

function codesIn(source: ts.SourceFile): { codes: ReadonlySet<string>; passesOn: boolean } {
  const codes = new Set<string>();
  let passesOn = false;
  const take = (expression: ts.Expression | undefined): void => {
    const literals = expression === undefined ? [] : literalsOf(expression);
    if (literals.length === 0) passesOn = true;
    for (const literal of literals) codes.add(literal);
  };
  const visit = (node: ts.Node): void => {
    if ((ts.isCallExpression(node) || ts.isNewExpression(node)) && isRefusal(node)) take(node.arguments?.[0]);
    if (ts.isObjectLiteralExpression(node) && isRefusalReply(node)) take(member(node, 'code'));
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && TABLE.test(node.name.text)) {
      for (const literal of tableValues(node.initializer)) codes.add(literal);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { codes, passesOn };
}

function isRefusal(node: ts.CallExpression | ts.NewExpression): boolean {
  const called = node.expression;
  if (ts.isIdentifier(called)) return REFUSING.has(called.text);
  return called.kind === ts.SyntaxKind.SuperKeyword && extendsDomainError(node);
}

function extendsDomainError(node: ts.Node): boolean {
  const owner = ts.findAncestor(node, ts.isClassLike);
  return (
    owner?.heritageClauses?.some(({ types }) => types.some(({ expression }) => expression.getText() === 'DomainError')) ?? false
  );
}

/** `{ ok: false, code: … }`, a refusal as it travels. */
function isRefusalReply(node: ts.ObjectLiteralExpression): boolean {
  return member(node, 'ok')?.kind === ts.SyntaxKind.FalseKeyword && member(node, 'code') !== undefined;
}

function member(node: ts.ObjectLiteralExpression, name: string): ts.Expression | undefined {
  const property = node.properties.find((one) => one.name?.getText() === name);
  return property !== undefined && ts.isPropertyAssignment(property) ? property.initializer : undefined;
}

/** The literals an expression can come to: its own, those of both branches, the right side of `??`. */
function literalsOf(expression: ts.Expression): readonly string[] {
  if (ts.isStringLiteralLike(expression)) return [expression.text];
  if (ts.isParenthesizedExpression(expression)) return literalsOf(expression.expression);
  if (ts.isConditionalExpression(expression)) return [...literalsOf(expression.whenTrue), ...literalsOf(expression.whenFalse)];
  if (ts.isBinaryExpression(expression) && expression.operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken) {
    return literalsOf(expression.right);
  }
  return [];
}

function tableValues(initializer: ts.Expression | undefined): readonly string[] {
  if (initializer === undefined || !ts.isObjectLiteralExpression(initializer)) return [];
  return initializer.properties.flatMap((property) =>
    ts.isPropertyAssignment(property) ? literalsOf(property.initializer) : [],
  );
}
