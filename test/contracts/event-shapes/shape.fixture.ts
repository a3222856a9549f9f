import { Secret } from '#kernel';

/** What the data of an event looks like, as far as JSON and secrets go: structural, so that a renamed type is no change. */
export type Shape =
  | { readonly kind: 'string' | 'number' | 'boolean' | 'null' }
  /** Whatever JSON can carry. */
  | { readonly kind: 'anything' }
  | { readonly kind: 'literal'; readonly value: string | number | boolean }
  | { readonly kind: 'secret'; readonly of: Shape }
  | { readonly kind: 'list'; readonly of: Shape }
  | { readonly kind: 'map'; readonly of: Shape }
  | { readonly kind: 'object'; readonly members: Readonly<Record<string, { readonly optional: boolean; readonly is: Shape }>> }
  | { readonly kind: 'union'; readonly of: readonly Shape[] };

/** Shapes by event type and version. */
export type Shapes = Readonly<Record<string, Readonly<Record<string, Shape>>>>;

/** Where the value differs from the shape; an empty list when it fits. Paths only, never values. */
export function misfits(value: unknown, shape: Shape, path = ''): readonly string[] {
  switch (shape.kind) {
    case 'string':
    case 'number':
    case 'boolean':
      return typeof value === shape.kind ? [] : [`${path}: not a ${shape.kind}`];
    case 'anything':
      return [];
    case 'null':
      return value === null ? [] : [`${path}: not null`];
    case 'literal':
      return value === shape.value ? [] : [`${path}: not ${String(shape.value)}`];
    case 'secret':
      return value instanceof Secret ? misfits(value.expose(), shape.of, `${path}!`) : [`${path}: not secret`];
    case 'list':
      if (!Array.isArray(value)) return [`${path}: no list`];
      return value.flatMap((item, index) => misfits(item, shape.of, `${path}/${index}`));
    case 'map':
      if (!isObject(value)) return [`${path}: no map`];
      return Object.entries(value).flatMap(([name, item]) => misfits(item, shape.of, `${path}/${name}`));
    case 'object':
      return isObject(value) ? membersAmiss(value, shape.members, path) : [`${path}: no object`];
    case 'union':
      return shape.of.some((one) => misfits(value, one, path).length === 0) ? [] : [`${path}: none of the variants`];
  }
}

function membersAmiss(
  value: Readonly<Record<string, unknown>>,
  members: Extract<Shape, { kind: 'object' }>['members'],
  path: string,
): readonly string[] {
  const unknown = Object.keys(value).filter((name) => !Object.hasOwn(members, name));
  return [
    ...unknown.map((name) => `${path}/${name}: not in the shape`),
    ...Object.entries(members).flatMap(([name, { optional, is }]) => {
      if (value[name] === undefined) return optional ? [] : [`${path}/${name}: missing`];
      return misfits(value[name], is, `${path}/${name}`);
    }),
  ];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Secret);
}

/**
 * A value of the shape. `full` takes the last variant of each union and has every optional member; otherwise the first variant, and
 * empty lists and maps.
 */
export function valueOf(shape: Shape, full: boolean): unknown {
  switch (shape.kind) {
    case 'string':
    case 'anything':
      return 'text';
    case 'number':
      return 1;
    case 'boolean':
      return full;
    case 'null':
      return null;
    case 'literal':
      return shape.value;
    case 'secret':
      return new Secret(valueOf(shape.of, full));
    case 'list':
      return full ? [valueOf(shape.of, full)] : [];
    case 'map':
      return full ? { key: valueOf(shape.of, full) } : {};
    case 'object':
      return Object.fromEntries(
        Object.entries(shape.members)
          .filter(([, { optional }]) => full || !optional)
          .map(([name, { is }]) => [name, valueOf(is, full)]),
      );
    case 'union':
      return valueOf((full ? shape.of.at(-1) : shape.of[0]) as Shape, full);
  }
}
