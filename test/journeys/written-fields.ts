import { isDeepStrictEqual } from 'node:util';
import type { Json } from './staff.js';

/** A place in a body: names of members, and numbers of list items. */
export type Place = readonly (string | number)[];

interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
}

/** As much of the OpenAPI document as tells what can be written. */
export interface ApiDocument {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          {
            readonly operationId: string;
            readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
          }
        >
      >
    >
  >;
}

/** A route that takes a body. */
export interface WritingRoute {
  readonly operationId: string;
  readonly method: string;
  /** `/v1/contacts/{id}`. */
  readonly path: string;
  readonly schema: Schema;
}

/** Every route with a body in JSON. */
export function writingRoutes(document: ApiDocument): readonly WritingRoute[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { operationId, requestBody }]) => {
      const schema = requestBody?.content['application/json']?.schema;
      return schema === undefined ? [] : [{ operationId, method: method.toUpperCase(), path, schema }];
    }),
  );
}

/** Every place of a body where a text can stand that is not one of a few. Where names are free, those of `body` are taken. */
export function textPlaces(schema: Schema, body: unknown): readonly Place[] {
  const places = placesIn(schema, body, []);
  return places.filter((place, index) => places.findIndex((other) => isDeepStrictEqual(place, other)) === index);
}

function placesIn(schema: Schema, body: unknown, at: Place): Place[] {
  const forms = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  const here = [schema.type].flat().includes('string') && schema.enum === undefined && schema.const === undefined ? [at] : [];
  const members = Object.entries(schema.properties ?? {}).flatMap(([name, member]) =>
    placesIn(member, memberOf(body, name), [...at, name]),
  );
  const items = schema.items === undefined ? [] : placesIn(schema.items, memberOf(body, 0), [...at, 0]);
  const { additionalProperties } = schema;
  const free =
    typeof additionalProperties === 'object' && body !== null && typeof body === 'object' && schema.properties === undefined
      ? Object.keys(body).flatMap((name) => freePlaces(additionalProperties, memberOf(body, name), [...at, name]))
      : [];
  return [...forms.flatMap((form) => placesIn(form, body, at)), ...here, ...members, ...items, ...free];
}

/** A value of any type may be a text. */
function freePlaces(schema: Schema, body: unknown, at: Place): Place[] {
  const isAnything = Object.keys(schema).length === 0;
  return isAnything ? [at] : placesIn(schema, body, at);
}

function memberOf(body: unknown, name: string | number): unknown {
  return typeof body === 'object' && body !== null ? (body as Record<string | number, unknown>)[name] : undefined;
}

/** The body with a value in that place; lists and objects on the way are made where they are missing. */
export function withValueAt(body: unknown, [first, ...rest]: Place, value: unknown): unknown {
  if (first === undefined) return value;
  const inner = withValueAt(memberOf(body, first), rest, value);
  if (typeof first === 'number') {
    const list = Array.isArray(body) ? [...(body as unknown[])] : [];
    list[first] = inner;
    return list;
  }
  return { ...(typeof body === 'object' && body !== null ? (body as Json) : {}), [first]: inner };
}
