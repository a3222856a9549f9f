import { everyRow, type Json } from './staff.js';
import type { Hidden, World } from './two-worlds.js';

/*
 * What a masked manager would build to get a hidden number bit by bit: with five digits hidden a sort by it needs 17 looks, a search by
 * its beginning 50. Each tool gives what it sees; two worlds that differ in what is hidden must look the same to it.
 */
type Bits = readonly unknown[];

/** Numbers and addresses between those of the two worlds: a comparison with them would tell the worlds apart. */
const BETWEEN = { number: '+79165000067', email: 'ieva@may.ru', inText: '8 (921) 500-00-21' };
const ROUTES = ['contacts', 'companies', 'deals'] as const;

/** Makes records of the manager's own, to compare with. */
export async function bracket({ manager }: World): Promise<void> {
  const { number, email, inText } = BETWEEN;
  const points = { phones: [{ number }], emails: [{ address: email }] };
  await manager.post('/v1/contacts', { name: `Клиент ${inText}`, ...points });
  await manager.post('/v1/companies', { name: `ООО ${inText}`, ...points });
  await manager.post('/v1/deals', { title: `Сделка ${inText}` });
}

/** The order of his own record and the hidden one, by everything that could be a sort. */
export async function sortBits(world: World): Promise<Bits> {
  const sorts = [
    'createdAt',
    'updatedAt',
    'name',
    'title',
    'amount',
    'phone',
    'phones',
    'email',
    'emails',
    'number',
    'note',
    'tags',
  ];
  const bits: unknown[] = [];
  for (const route of ROUTES)
    for (const sort of sorts)
      for (const direction of ['', '-']) bits.push(await seen(world, `/v1/${route}?limit=200&sort=${direction}${sort}`));
  return bits;
}

/** What follows a place in the order that he makes up himself, from the number that he tries. */
export async function cursorBits(world: World, { number, inText }: Hidden): Promise<Bits> {
  const bits: unknown[] = [];
  for (const value of [number, inText, BETWEEN.inText, '8 (916', '8 (921', '8 (926']) {
    for (const [route, field, name] of [
      ['contacts', 'name', 'Клиент'],
      ['companies', 'name', 'ООО'],
      ['deals', 'title', 'Сделка'],
    ] as const) {
      const keys = JSON.stringify([field, `${name} ${value}`, '018f0000-0000-7000-8000-000000000000']);
      const cursor = Buffer.from(keys).toString('base64url');
      bits.push(await seen(world, `/v1/${route}?sort=${field}&cursor=${cursor}`));
    }
  }
  return bits;
}

/** Every beginning of the number and of the address, as words and as filters, counted too. */
export async function prefixBits(world: World, { number, email, inText }: Hidden): Promise<Bits> {
  const bits: unknown[] = [];
  for (const text of [number, `8${number.slice(2)}`, inText, email]) {
    for (let length = 1; length <= text.length; length += 1) {
      const q = encodeURIComponent(text.slice(0, length));
      bits.push(await seen(world, `/v1/contacts?count=true&q=${q}`));
      if (length % 4 === 0) bits.push(await seen(world, `/v1/deals?count=true&attribution[utm_term]=${q}`));
    }
  }
  return bits;
}

/** Whether a number is there already: making it again, giving it in its place, naming a request by it. */
export async function duplicateBits(world: World, { number, email }: Hidden): Promise<Bits> {
  const id = (name: string): string => world.ids.get(name) ?? '';
  const points = { phones: [{ number }], emails: [{ address: email }] };
  return [
    await seen(world, '/v1/contacts', { method: 'POST', body: { name: 'Again', ...points } }),
    await seen(world, '/v1/companies', { method: 'POST', body: { name: 'Again', ...points } }),
    await seen(world, `/v1/contacts/${id('contacts')}`, { method: 'PATCH', body: { phones: [{ id: id('phoneId'), number }] } }),
    await seen(world, `/v1/contacts/${id('contacts')}`, {
      method: 'PATCH',
      body: { emails: [{ id: id('emailId'), address: email }] },
    }),
    await seen(world, `/v1/contacts/${id('contacts')}`, { method: 'PATCH', body: points }),
    await seen(world, '/v1/contacts', { method: 'POST', body: { name: 'Again' }, headers: { 'idempotency-key': number } }),
  ];
}

interface Sent {
  readonly method: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

function seen(world: World, path: string, sent: Sent = { method: 'GET' }): Promise<string> {
  return world.ask({ path, ...sent });
}

const SAMPLES = 25;

/** How long the right guess and a wrong one took, in milliseconds, taken in turns: for a search, a repeat and a change. */
export async function timesOf(world: World, right: Hidden, wrong: Hidden): Promise<readonly (readonly [number[], number[]])[]> {
  const rows = await everyRow<Json>(world.manager, '/v1/contacts?q=клиент');
  const target = String(rows[0]?.['id']);
  const tools: ((guess: Hidden) => Promise<unknown>)[] = [
    ({ number }) => world.manager.get(`/v1/contacts?q=${encodeURIComponent(number)}`),
    ({ email }) => world.manager.get(`/v1/contacts?q=${encodeURIComponent(email)}`),
    ({ inText }) => world.manager.get(`/v1/contacts?q=${encodeURIComponent(inText.slice(4, 12))}`),
    ({ number }) => world.manager.patch(`/v1/contacts/${target}`, { phones: [{ id: target, number }] }),
  ];
  const times = tools.map((): [number[], number[]] => [[], []]);
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    for (const [index, tool] of tools.entries()) {
      // Which comes first changes, for the second may find things warm.
      for (const side of sample % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        const start = performance.now();
        await tool(side === 0 ? right : wrong);
        times[index]?.[side].push(performance.now() - start);
      }
    }
  }
  return times;
}

/** Mann and Whitney's U (1947) as a normal deviate: how unlikely it is that both samples come from one distribution. */
export function zScore(one: readonly number[], other: readonly number[]): number {
  const wins = one.reduce((sum, a) => sum + other.reduce((own, b) => own + (a > b ? 1 : a === b ? 0.5 : 0), 0), 0);
  const [n, m] = [one.length, other.length];
  return (wins - (n * m) / 2) / Math.sqrt((n * m * (n + m + 1)) / 12);
}
