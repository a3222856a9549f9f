import { join } from 'node:path';
import ts from 'typescript';
import type { Shape } from './shape.fixture.js';

/** How deep a type may nest before it is taken for endless. */
const DEEPEST = 12;

/** The shape of every event that the source knows, by type: read from the types of the aggregates by the compiler. */
export function shapesOfSource(root: string): ReadonlyMap<string, Shape> {
  const file = join(root, 'apps/crm-core/src/aggregates.ts');
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const program = ts.createProgram([file], { ...options, noEmit: true });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  if (source === undefined) throw new Error(`no source at ${file}`);
  const names = source.statements
    .filter((statement) => ts.isImportDeclaration(statement))
    .flatMap(({ importClause }) => {
      const bindings = importClause?.isTypeOnly === true ? undefined : importClause?.namedBindings;
      return bindings !== undefined && ts.isNamedImports(bindings) ? [...bindings.elements] : [];
    })
    .filter(({ isTypeOnly, name }) => !isTypeOnly && name.text.endsWith('Aggregate'));
  const shapes = new Map<string, Shape>();
  for (const { name } of names) {
    for (const [type, shape] of eventsOf(checker, checker.getTypeAtLocation(name), name)) shapes.set(type, shape);
  }
  return shapes;
}

/** The variants of the second parameter of `evolve`: the events of the aggregate. */
function eventsOf(checker: ts.TypeChecker, aggregate: ts.Type, at: ts.Node): readonly (readonly [string, Shape])[] {
  const evolve = aggregate.getProperty('evolve');
  const signature = evolve && checker.getTypeOfSymbolAtLocation(evolve, at).getCallSignatures()[0];
  const parameter = signature?.getParameters()[1];
  if (parameter === undefined) return [];
  const events = checker.getTypeOfSymbolAtLocation(parameter, at);
  return (events.isUnion() ? events.types : [events]).map((event) => {
    const [type, data] = ['type', 'data'].map((name) => {
      const member = event.getProperty(name);
      if (member === undefined) throw new Error(`an event without ${name}`);
      return checker.getTypeOfSymbolAtLocation(member, at);
    }) as [ts.Type, ts.Type];
    if (!type.isStringLiteral()) throw new Error(`an event has no literal type: ${checker.typeToString(event)}`);
    return [type.value, shapeOf(checker, data, at, 0)] as const;
  });
}

function shapeOf(checker: ts.TypeChecker, type: ts.Type, at: ts.Node, depth: number): Shape {
  if (depth > DEEPEST) throw new Error(`the type nests too deep: ${checker.typeToString(type)}`);
  const inner = (one: ts.Type): Shape => shapeOf(checker, one, at, depth + 1);
  if (type.isStringLiteral() || type.isNumberLiteral()) return { kind: 'literal', value: type.value };
  if (type.flags & ts.TypeFlags.BooleanLiteral) return { kind: 'literal', value: checker.typeToString(type) === 'true' };
  if (type.flags & ts.TypeFlags.Boolean) return { kind: 'boolean' };
  if (type.flags & ts.TypeFlags.String) return { kind: 'string' };
  if (type.flags & ts.TypeFlags.Number) return { kind: 'number' };
  if (type.flags & ts.TypeFlags.Null) return { kind: 'null' };
  if (type.flags & ts.TypeFlags.Unknown) return { kind: 'anything' };
  if (type.isUnion()) return unionOf(type.types.filter(({ flags }) => !(flags & ts.TypeFlags.Undefined)).map(inner));
  if (type.symbol?.name === 'Secret') {
    const [of] = checker.getTypeArguments(type as ts.TypeReference);
    if (of === undefined) throw new Error('a Secret of nothing');
    return { kind: 'secret', of: inner(of) };
  }
  if (checker.isArrayType(type)) {
    const [of] = checker.getTypeArguments(type as ts.TypeReference);
    return { kind: 'list', of: inner(of as ts.Type) };
  }
  if (!(type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)))
    throw new Error(`events cannot hold ${checker.typeToString(type)}`);
  const index = type.getStringIndexType();
  const properties = checker.getPropertiesOfType(type);
  if (index !== undefined && properties.length === 0) {
    return index.flags & ts.TypeFlags.Never ? { kind: 'object', members: {} } : { kind: 'map', of: inner(index) };
  }
  const members = properties.map((property) => {
    const optional = (property.flags & ts.SymbolFlags.Optional) !== 0;
    return [property.name, { optional, is: inner(checker.getTypeOfSymbolAtLocation(property, at)) }] as const;
  });
  return { kind: 'object', members: Object.fromEntries(members.toSorted(([a], [b]) => (a < b ? -1 : 1))) };
}

/** Variants in one order, whatever the compiler's; `true | false` is a boolean. */
function unionOf(variants: readonly Shape[]): Shape {
  const isBoolean = (shape: Shape): boolean => shape.kind === 'literal' && typeof shape.value === 'boolean';
  const booleans = variants.filter(isBoolean);
  const rest = variants.filter((shape) => !isBoolean(shape));
  const merged: readonly Shape[] = booleans.length === 2 ? [...rest, { kind: 'boolean' }] : variants;
  const texts = [...new Set(merged.map((shape) => JSON.stringify(shape)))];
  // null first: the least value of a nullable is null.
  const rank = (text: string): number => (text === '{"kind":"null"}' ? 0 : 1);
  const sorted = texts.toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1)).map((text) => JSON.parse(text) as Shape);
  return sorted.length === 1 ? (sorted[0] as Shape) : { kind: 'union', of: sorted };
}
