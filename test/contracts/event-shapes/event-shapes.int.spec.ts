import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StoredEvent } from '#event-store';
import { sealSecrets } from '#privacy';
import { AGGREGATES } from '../../../apps/crm-core/src/aggregates.js';
import type { AnyAggregate } from '../../../apps/crm-core/src/log/aggregate.js';
import { openEvent } from '../../../apps/crm-core/src/log/event-codec.js';
import { projectionOf } from '../../../apps/crm-core/src/log/projection.js';
import { statementsOf } from '../../../apps/crm-core/src/log/row-change.js';
import { RAISING_CATEGORIES } from '../../../apps/crm-core/src/log/row-origin.js';
import { misfits, valueOf, type Shape, type Shapes } from './shape.fixture.js';
import { shapesOfSource } from './shapes-of-source.fixture.js';

/*
 * Every shape that an event ever had, and a sample of each as the log holds it. `npm run event-shapes` adds what is new and changes
 * nothing that is there: a shape that was released is history.
 */
const FOLDER = import.meta.dirname;
const ROOT = join(FOLDER, '..', '..', '..');
const SHAPES_FILE = join(FOLDER, 'shapes.json');
const SAMPLES = join(FOLDER, 'samples');
/** Seals samples only, which hold nothing of anybody. */
const SAMPLE_KEY = Buffer.alloc(32, 7);
const ID = '00000000-0000-8000-8000-0000000000aa';
const metadata = {
  ...{ actorId: ID, sessionId: null, tokenId: null, ip: null, commandId: ID, correlationId: ID, causationId: null },
  at: '2026-01-01T00:00:00.000Z',
};

type Sample = Pick<StoredEvent, 'stream' | 'type' | 'schemaVersion' | 'data'>;

const current = new Map<string, { aggregate: AnyAggregate; version: number }>(
  [...AGGREGATES.values()].flatMap((aggregate) =>
    Object.entries(aggregate.eventVersions).map(([type, version]) => [type, { aggregate, version }] as const),
  ),
);

/** What `npm run event-shapes` does: adds the shapes and samples that are new. */
function addNew(shapes: Shapes, source: ReadonlyMap<string, Shape>): Shapes {
  const known: Record<string, Record<string, Shape>> = structuredClone(shapes) as Record<string, Record<string, Shape>>;
  mkdirSync(SAMPLES, { recursive: true });
  for (const [type, { aggregate, version }] of [...current].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const shape = source.get(type);
    if (shape === undefined) continue;
    (known[type] ??= {})[version] ??= shape;
    for (const size of ['full', 'least']) {
      const file = join(SAMPLES, `${type}.v${version}.${size}.json`);
      if (existsSync(file)) continue;
      const stream = `${aggregate.category}-${ID}`;
      const data = sealSecrets(valueOf(shape, size === 'full'), SAMPLE_KEY, `${stream}|${ID}`);
      writeFileSync(file, `${JSON.stringify({ stream, type, schemaVersion: version, data }, null, 2)}\n`);
    }
  }
  const sorted = Object.fromEntries(Object.entries(known).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  // A line a version, so that a diff tells what was added.
  const lines = Object.entries(sorted).map(([type, versions]) => {
    const own = Object.entries(versions).map(([version, shape]) => `  "${version}": ${JSON.stringify(shape)}`);
    return ` "${type}": {\n${own.join(',\n')}\n }`;
  });
  writeFileSync(SHAPES_FILE, `{\n${lines.join(',\n')}\n}\n`);
  return sorted;
}

const source = shapesOfSource(ROOT);
const stored = existsSync(SHAPES_FILE) ? (JSON.parse(readFileSync(SHAPES_FILE, 'utf8')) as Shapes) : {};
const shapes = process.env['WRITE_EVENT_SHAPES'] === undefined ? stored : addNew(stored, source);
const samples = (existsSync(SAMPLES) ? readdirSync(SAMPLES) : []).map(
  (name) => [name, JSON.parse(readFileSync(join(SAMPLES, name), 'utf8')) as Sample] as const,
);
const open = ({ stream, type, schemaVersion, data }: Sample, { eventVersions, upcasters, sealed }: AnyAggregate) =>
  openEvent(
    { eventVersions, sealed, ...(upcasters === undefined ? {} : { upcasters }) },
    { id: ID, stream, version: 1, type, schemaVersion, data, metadata },
    SAMPLE_KEY,
  );

describe('the shapes of events', () => {
  it('are all found in the source', () => {
    expect([...source.keys()].sort()).toEqual([...current.keys()].sort());
    expect(source.size).toBeGreaterThan(20);
  });

  it.each([...current])('%s has the shape that was released under its version', (type, { version }) => {
    const released = shapes[type]?.[version];
    if (released === undefined)
      throw new Error(`${type} version ${version} was never recorded: npm run event-shapes, and commit it`);
    try {
      expect(source.get(type)).toEqual(released);
    } catch (error) {
      throw new Error(`${type} changed under version ${version}: raise the version and add an upcaster`, { cause: error });
    }
  });

  it.each(Object.entries(shapes))('%s: no released version is missing, nor a sample of it', (type, versions) => {
    const present = current.get(type);
    if (present === undefined) throw new Error(`${type} stands in logs and this build does not know it`);
    expect(Object.keys(versions)).toEqual(Array.from({ length: present.version }, (_, index) => String(index + 1)));
    for (const version of Object.keys(versions)) {
      expect(samples.map(([name]) => name)).toEqual(
        expect.arrayContaining([`${type}.v${version}.full.json`, `${type}.v${version}.least.json`]),
      );
    }
  });

  it.each(samples)('%s opens, is upcast to the present shape, folds and projects', (_, sample) => {
    const { aggregate } = current.get(sample.type) as { aggregate: AnyAggregate };
    const own = shapes[sample.type]?.[sample.schemaVersion] as Shape;
    const asWritten = open(sample, { ...aggregate, eventVersions: { [sample.type]: sample.schemaVersion } });
    expect(misfits(asWritten.event.data, own)).toEqual([]);
    const present = open(sample, aggregate);
    expect(misfits(present.event.data, source.get(sample.type) as Shape)).toEqual([]);
    aggregate.evolve(aggregate.initialState, present.event as never);
    const tools = { sealPoint: () => 'sealed', blindIndex: () => '00'.repeat(32) };
    const changes = projectionOf(aggregate, present, tools);
    expect(changes.flatMap(statementsOf).every(({ text }) => text.length > 0)).toBe(true);
    // The start check counts changes of rights in these streams alone.
    const raises = changes.some(({ kind }) => kind === 'raise-authz');
    expect(!raises || RAISING_CATEGORIES.includes(aggregate.category)).toBe(true);
  });

  it('changed under an old version are told', () => {
    const shape = source.get('ContactAssigned') as Shape;
    expect(misfits({ responsibleId: null, more: 1 }, shape)).toEqual(['/more: not in the shape']);
    expect(misfits({}, shape)).toEqual(['/responsibleId: missing']);
    expect(misfits({ responsibleId: 7 }, shape)).toEqual(['/responsibleId: none of the variants']);
  });
});
