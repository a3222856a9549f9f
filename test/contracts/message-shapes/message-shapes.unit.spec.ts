import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import * as contracts from '#contracts';

/*
 * Messages as released versions send them, two of each at least: with every field, and with no more than it must have. What once
 * stands here stays: another version may be on the other side (ADR 35). A new message, or a new field, gets a sample beside the old ones.
 */
type Json = Record<string, unknown>;
type Samples = Readonly<Record<string, readonly Json[]>>;
const { facts, requests } = JSON.parse(readFileSync(join(import.meta.dirname, 'messages.json'), 'utf8')) as {
  facts: Samples;
  requests: Samples;
};

const schemas = new Map(
  Object.entries(contracts as Record<string, unknown>)
    .filter(([name]) => name.endsWith('Schema'))
    .map(([name, schema]) => [name.slice(0, -'Schema'.length), schema as z.ZodType]),
);
const each = (samples: Samples): Array<[string, number, Json]> =>
  Object.entries(samples).flatMap(([name, list]) =>
    list.map((message, index): [string, number, Json] => [name, index + 1, message]),
  );

/** The message with a field more in each of its objects, as a later version might send it. */
function withUnknownFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withUnknownFields);
  if (typeof value !== 'object' || value === null) return value;
  return { ...Object.fromEntries(Object.entries(value).map(([key, part]) => [key, withUnknownFields(part)])), ofLater: 'text' };
}
/** The message as its receiver has it; undefined when he refuses it. */
const parsed = (name: string, message: unknown): unknown => {
  const result = (schemas.get(name) as z.ZodType).safeParse(message);
  return result.success ? result.data : undefined;
};

describe('the shapes of messages', () => {
  it('are all recorded, as facts or as requests', () => {
    expect([...Object.keys(facts), ...Object.keys(requests)].sort()).toEqual([...schemas.keys()].sort());
    expect([...each(facts), ...each(requests)].every(([, count]) => count >= 1)).toBe(true);
  });

  it.each([...each(facts), ...each(requests)])('%s, sample %i, is taken with all that it says', (name, _, message) => {
    expect(parsed(name, message)).toMatchObject(message);
  });

  it.each(each(facts))('%s, sample %i, is a fact: what a later version adds is dropped', (name, _, message) => {
    expect(parsed(name, withUnknownFields(message))).toEqual(parsed(name, message));
  });

  it.each(each(requests))('%s, sample %i, asks for something: what is not understood is refused', (name, _, message) => {
    expect(parsed(name, { ...message, ofLater: 'text' })).toBeUndefined();
  });
});
