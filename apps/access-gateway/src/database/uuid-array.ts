/** Object id of `uuid` (pg_type.dat). */
const UUID_OID = 2950;
const UUID_BYTES = 16;
const HEADER_BYTES = 20;
const NULL_ELEMENT = Buffer.from([0xff, 0xff, 0xff, 0xff]);

/** Elements of lists that come again with each request of a person: those of his group. */
const KNOWN = new WeakMap<readonly (string | null)[], Buffer>();

/**
 * A `uuid[]` in PostgreSQL's own form (array_send, uuid_send), which pg sends as it is: neither side spells and parses each id anew. Throws a
 * RangeError for what is no UUID.
 */
export function uuidArray(ids: readonly (string | null)[]): Buffer {
  return arrayOf(elementsOf(ids), ids.length, ids.includes(null));
}

/** The same of several lists end to end. */
export function joinedUuidArray(lists: readonly (readonly string[])[]): Buffer {
  const count = lists.reduce((sum, list) => sum + list.length, 0);
  return arrayOf(Buffer.concat(lists.map(knownElementsOf)), count, false);
}

function arrayOf(elements: Buffer, count: number, hasNull: boolean): Buffer {
  const array = Buffer.allocUnsafe((count === 0 ? 12 : HEADER_BYTES) + elements.length);
  array.writeInt32BE(count === 0 ? 0 : 1, 0); // dimensions
  array.writeInt32BE(hasNull ? 1 : 0, 4);
  array.writeInt32BE(UUID_OID, 8);
  if (count === 0) return array;
  array.writeInt32BE(count, 12);
  array.writeInt32BE(1, 16); // the first index
  elements.copy(array, HEADER_BYTES);
  return array;
}

function knownElementsOf(ids: readonly string[]): Buffer {
  const known = KNOWN.get(ids);
  if (known !== undefined) return known;
  const made = elementsOf(ids);
  KNOWN.set(ids, made);
  return made;
}

function elementsOf(ids: readonly (string | null)[]): Buffer {
  const elements = Buffer.allocUnsafe(ids.length * (4 + UUID_BYTES));
  let end = 0;
  for (const id of ids) {
    if (id === null) {
      end += NULL_ELEMENT.copy(elements, end);
      continue;
    }
    end = elements.writeInt32BE(UUID_BYTES, end);
    const hex = id.replaceAll('-', '');
    if (hex.length !== 2 * UUID_BYTES || elements.write(hex, end, 'hex') !== UUID_BYTES) throw new RangeError('not a UUID');
    end += UUID_BYTES;
  }
  return elements.subarray(0, end);
}
