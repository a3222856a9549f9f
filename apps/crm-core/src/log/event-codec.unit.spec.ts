import { Secret } from '#kernel';
import type { StoredEvent } from '#event-store';
import { newDataKey, sealSecrets } from '#privacy';
import { generationOf, openEvent, openStream, UnknownEvent } from './event-codec.js';

type Event = { readonly type: 'Named' | 'Erased'; readonly data: { readonly name?: Secret<string>; readonly size?: number } };

const ID = '00000000-0000-8000-8000-0000000000aa';
const stream = `note-keeper-${ID}`;
const [oldKey, newKey] = [newDataKey(), newDataKey()];
const metadata = {
  ...{ actorId: null, sessionId: null, tokenId: null, ip: null, causationId: null },
  ...{ commandId: ID, correlationId: ID, at: '2026-01-01T00:00:00.000Z' },
};
const stored = (version: number, type: Event['type'], data: Event['data'], key?: Buffer, schemaVersion = 2): StoredEvent => ({
  ...{ seq: version, txId: '1', id: ID, stream, version, type, schemaVersion, metadata },
  data: sealSecrets(data, key, `${stream}|${ID}`),
});
const shapes = {
  sealed: true,
  eventVersions: { Named: 2, Erased: 1 },
  upcasters: { Named: { 1: (data: Readonly<Record<string, unknown>>) => ({ ...data, size: 1 }) } },
  erasedBy: 'Erased',
} as const;
const named = (text: string, version: number, key: Buffer, schemaVersion?: number) =>
  stored(version, 'Named', { name: new Secret(text) }, key, schemaVersion);

describe('reading a stream', () => {
  it('opens its secrets, names its aggregate, and gives old shapes as the present one', async () => {
    const [first, second] = await openStream<Event>(shapes, [named('a', 1, oldKey, 1), named('b', 2, oldKey)], (owner) =>
      Promise.resolve(owner === stream ? oldKey : undefined),
    );
    expect(first).toMatchObject({ aggregateId: ID, version: 1, event: { type: 'Named', data: { size: 1 } } });
    expect(first?.event.data.name?.expose()).toBe('a');
    expect(second?.event.data).not.toHaveProperty('size');
  });

  it('opens nothing of what was sealed before it was erased, whatever a vault still holds', async () => {
    const events = [named('a', 1, oldKey), stored(2, 'Erased', {}, undefined, 1), named('b', 3, newKey)];
    const asked: string[] = [];
    const opened = await openStream<Event>(shapes, events, (owner) => {
      asked.push(owner);
      return Promise.resolve(owner === stream ? oldKey : newKey);
    });
    expect(asked).toEqual([`${stream}#1`]);
    expect(opened.map(({ event }) => event.data.name?.isErased)).toEqual([true, undefined, false]);
    expect(opened[2]?.event.data.name?.expose()).toBe('b');
    expect(generationOf(shapes, events)).toBe(1);
  });

  it('gives erased secrets without a key', async () => {
    const [only] = await openStream<Event>(shapes, [named('a', 1, oldKey)], () => Promise.resolve(undefined));
    expect(only?.event.data.name?.isErased).toBe(true);
  });

  it('refuses a shape that is newer than it knows, an unknown type, and a missing upcaster', () => {
    const later = (): unknown => openEvent<Event>(shapes, named('a', 1, oldKey, 3), oldKey);
    expect(later).toThrow('does not know Named version 3');
    expect(later).toThrow(UnknownEvent);
    const unknown = { ...named('a', 1, oldKey), type: 'Other' };
    expect(() => openEvent<Event>(shapes, unknown, oldKey)).toThrow('does not know Other');
    const { upcasters: _none, ...without } = shapes;
    expect(() => openEvent<Event>(without, named('a', 1, oldKey, 1), oldKey)).toThrow('no upcaster');
  });

  it('refuses what was moved or changed', () => {
    const moved = { ...named('a', 1, oldKey), stream: `note-keeper-00000000-0000-8000-8000-0000000000ab` };
    expect(() => openEvent<Event>(shapes, moved, oldKey)).toThrow('does not open');
  });
});
