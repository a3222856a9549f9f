import { exported } from './exported.js';
import { spelt } from '../../deploy/scan/planting.js';
import type { World, WorldProbe } from './two-worlds.js';
import { textPlaces, withValueAt, type ApiDocument } from './written-fields.js';

/** Routes that are not asked, and why. */
const NOT_ASKED: Readonly<Record<string, string>> = {
  'get-docs': 'a page',
  'get-openapi-json': 'the document itself',
  'get-metrics': 'no answer to a manager',
  'get-health-live': 'no answer about data',
  'get-health-ready': 'no answer about data',
  'get-alerts-stream': 'a stream: administrators only',
  'get-monitoring-suggestions': 'counts as they were folded when it was first asked, kept for five minutes; the counts are asked',
  'get-monitoring-users-stream': 'a stream of counts against limits; the list of them is asked',
  'get-events-stream': 'a stream: it is open all the time, and held against the other',
  'post-me-totp': 'a fresh secret',
  'get-audit-proof': 'hashes of ids and times',
  'delete-sessions-current': 'it would sign the manager out',
  'post-lookups-phone': 'the one exception: an exact match on a complete number, counted',
  'post-telephony-incoming': 'for the telephone system and administrators',
};
/** What is folded after the answers. */
export const SETTLING: readonly string[] = ['/v1/alerts', '/v1/audit', '/v1/exposure', '/v1/monitoring/users'];
const ORDER = ['GET', 'POST', 'PATCH', 'PUT', 'DELETE'];

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> };
}

/**
 * Every route of the document, once with each of its query parameters, and with a body that has the guess in every text. What needs
 * ids takes those of the world. A route that comes new is asked like the others.
 */
export function routeProbes(document: ApiDocument, guesses: readonly string[]): readonly WorldProbe[] {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path,
      method: method.toUpperCase(),
      operation: operation as Operation,
    })),
  );
  const asked = operations
    .filter(({ operation }) => !Object.hasOwn(NOT_ASKED, operation.operationId))
    .toSorted((a, b) => ORDER.indexOf(a.method) - ORDER.indexOf(b.method));
  return asked.flatMap(({ path, method, operation }) => {
    const at = (world: World): string => filled(path, world);
    if (method === 'GET') {
      const probes = readings(operation, at, guesses);
      return SETTLING.includes(path)
        ? probes.map((probe): WorldProbe => (world) => ({ ...probe(world), settles: true }))
        : probes;
    }
    const schema = operation.requestBody?.content['application/json']?.schema;
    const bodies = schema === undefined ? [undefined] : [{}, guessedBody(schema, guesses[0] ?? '')];
    return bodies.map((body): WorldProbe => (world) => ({ method, path: at(world), ...(body === undefined ? {} : { body }) }));
  });
}

function guessedBody(schema: object, guess: string): unknown {
  return textPlaces(schema, {}).reduce<unknown>((body, place) => withValueAt(body, place, guess), {});
}

/** The path with ids of the world; of what it has none of, an id of nothing. */
function filled(path: string, world: World): string {
  return path.replace(/\/([^/{]+)\/\{([^}]+)\}/g, (_, route: string, name: string) => {
    const id = world.ids.get(name) ?? world.ids.get(route) ?? '018f0000-0000-7000-8000-000000000000';
    return `/${route}/${id}`;
  });
}

const IDS: Readonly<Record<string, string>> = {
  responsibleId: 'users',
  departmentId: 'departments',
  companyId: 'companies',
  contactId: 'contacts',
  stageId: 'stages',
  userId: 'users',
  actorId: 'users',
};

function readings(operation: Operation, at: (world: World) => string, guesses: readonly string[]): readonly WorldProbe[] {
  const parameters = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query').map(({ name }) => name);
  const withQuery = (name: string, value: (world: World) => string): WorldProbe => {
    return (world) => ({ method: 'GET', path: `${at(world)}?${encodeURIComponent(name)}=${encodeURIComponent(value(world))}` });
  };
  const values = (name: string): readonly ((world: World) => string)[] => {
    const id = IDS[name];
    const own = id === undefined ? [] : [(world: World): string => world.ids.get(id) ?? ''];
    const plain = KNOWN[name] ?? [];
    return [...own, ...[...plain, ...guesses].map((value) => (): string => value)];
  };
  return [
    (world) => ({ method: 'GET', path: at(world) }),
    ...[...parameters, 'phone', 'email', 'number'].flatMap((name) => values(name).map((value) => withQuery(name, value))),
  ];
}

const KNOWN: Readonly<Record<string, readonly string[]>> = {
  limit: ['1', '0'],
  count: ['true'],
  deleted: ['true'],
  sort: ['name', '-name', 'title', '-title', 'amount', 'updatedAt', 'phone', 'phones', 'emails', 'number', 'note', 'tags'],
  q: ['кли', 'ооо', '7', '67', '916', 'i', 'тег'],
  at: [new Date(Date.now() + 3_600_000).toISOString()],
  createdFrom: ['2020-01-01T00:00:00Z'],
  createdTo: ['2020-01-01T00:00:00Z'],
};

/** Writing with a guess in the place of what is hidden: right in one world, wrong in the other. */
export function guessingWrites(number: string, email: string): readonly WorldProbe[] {
  const id = (world: World, name: string): string => world.ids.get(name) ?? '';
  const patch =
    (route: 'contacts' | 'companies' | 'deals', body: (world: World) => unknown): WorldProbe =>
    (world) => ({ method: 'PATCH', path: `/v1/${route}/${id(world, route)}`, body: body(world) });
  const create =
    (route: string, body: unknown): WorldProbe =>
    () => ({ method: 'POST', path: `/v1/${route}`, body });
  const texts = [`Клиент ${number}`, `Клиент ${spelt(number, 1)}`, `Клиент ${spelt(number, 2)}`];
  return [
    ...texts.flatMap((text) => [
      patch('contacts', () => ({ name: text, note: text, tags: [text] })),
      patch('companies', () => ({ name: text, note: text, website: text, address: text })),
      patch('deals', (world) => ({ title: text, note: text, customFields: { [id(world, 'custom-field text')]: text } })),
    ]),
    patch('contacts', (world) => ({ phones: [{ id: id(world, 'phoneId'), number }] })),
    patch('contacts', (world) => ({ phones: [{ id: id(world, 'phoneId') }, { number }] })),
    patch('contacts', (world) => ({ emails: [{ id: id(world, 'emailId'), address: email }] })),
    patch('contacts', (world) => ({ phones: [{ id: id(world, 'phoneId'), number: number.slice(0, -3) }] })),
    patch('contacts', (world) => ({ phones: [{ id: id(world, 'phoneId'), number: `${number.slice(0, -2)}**` }] })),
    patch('deals', (world) => ({ customFields: { [id(world, 'custom-field phone')]: number } })),
    patch('deals', (world) => ({ customFields: { [id(world, 'custom-field text')]: `ещё ${number}` } })),
    create('contacts', { name: 'Guess', phones: [{ number }], emails: [{ address: email }] }),
    create('companies', { name: 'Guess', phones: [{ number }], emails: [{ address: email }] }),
    create('contacts', { name: 'Guess', phones: [{ number: number.slice(0, -1) }] }),
    (world) => ({ method: 'POST', path: `/v1/deals/${id(world, 'deals')}/lose`, body: { reason: `ушёл к ${number}` } }),
    ...(['contacts', 'companies', 'deals'] as const).flatMap((route): WorldProbe[] =>
      ['', '/history'].map((part) => (world) => ({ method: 'GET', path: `/v1/${route}/${id(world, route)}${part}` })),
    ),
  ];
}

/** Every export that the manager can make, as its file reads, with the headers it comes with. */
export async function exportTexts(world: World): Promise<readonly string[]> {
  const texts: string[] = [];
  for (const type of ['contacts', 'companies', 'deals']) {
    const { headers, bytes } = await exported(world.manager, { type, format: 'csv' });
    const kept = [...headers].filter(([name]) => name !== 'date').map((header) => header.join(': '));
    texts.push(world.normalised(`${kept.toSorted().join('\n')}\n${bytes.toString('utf8')}`));
  }
  return texts;
}
