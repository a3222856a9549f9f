import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient, expectStatus, UnexpectedAnswer, type Json } from '../demo/api-client.js';
import { make, newRunId } from '../demo/demo-run.js';
import type { RunningSystem } from '../demo/running-system.js';
import type { NumberScan } from './number-scan.js';

const ROUNDS = 6;
const WITHIN_MS = 30_000;

/**
 * Writes made-up numbers and addresses into the running system, wherever a client's may come in: points and texts of records, leads,
 * requests that are refused, queries. What it makes is named `scan …` and can be deleted afterwards. Throws `UnexpectedAnswer`.
 */
export async function plantOwn(scan: NumberScan, system: RunningSystem, admin: ApiClient): Promise<void> {
  const run = newRunId();
  const number = (): string => scan.plantNumber(`+7916${String(randomInt(10_000_000)).padStart(7, '0')}`);
  const email = (): string => scan.plantEmail(`scan-${newRunId()}@mail-${newRunId()}.ru`);
  const written = (round: number): string => spelt(number(), round);
  for (let round = 0; round < ROUNDS; round += 1) {
    const points = { phones: [{ label: `тел ${number()}`, number: written(round) }], emails: [{ address: email() }] };
    const texts = { note: `Звонить ${written(round)} или ${email()}`, tags: [`тег ${number()}`] };
    const key = (what: string): string => `scan-${run}-${what}-${round}`;
    const name = `scan ${run} ${written(round)}`;
    const contact = await make(admin, '/v1/contacts', { name, ...points, ...texts }, key('contact'));
    const places = { website: `https://wa.me/${number().slice(1)}`, address: `ул. Мира, 1, ${number()}` };
    await make(admin, '/v1/companies', { name, ...points, ...texts, ...places }, key('company'));
    await make(admin, '/v1/deals', { title: name, ...texts, contactIds: [contact.id] }, key('deal'));
    await admin.request({ method: 'PATCH', path: `/v1/contacts/${contact.id}`, body: { note: written(round) } });
    await admin.post('/v1/contacts', { name: 'x', phones: [{ number: `${number()}0000` }] });
    await admin.post('/v1/contacts', { name: 'x', [number()]: email() });
    await admin.get(`/v1/contacts?q=${encodeURIComponent(written(round))}`);
    await admin.get(`/v1/contacts/${encodeURIComponent(number())}`);
  }
  await plantLead(system, admin, run, { number, email });
}

/** One lead through a form of its own, until it is a deal. */
async function plantLead(
  system: RunningSystem,
  admin: ApiClient,
  run: string,
  { number, email }: { readonly number: () => string; readonly email: () => string },
): Promise<void> {
  const form = await make<Json & { id: string; key: string }>(admin, '/v1/forms', { name: `scan ${run}` }, `scan-${run}-form`);
  const ingest = new ApiClient({ urls: system.ingestUrls, traffic: { repeated: 0 } });
  const attribution = { utm_term: number(), landingPage: `/?phone=${encodeURIComponent(number())}`, utm_campaign: run };
  const lead = { name: `scan ${number()}`, phone: number(), email: email(), message: `${number()} ${email()}`, attribution };
  const path = `/v1/forms/${form.key}/leads`;
  await within('the form is known at ingest', async () => {
    const answer = await ingest.post(path, lead, `scan-${run}-lead`);
    return answer.status === 404 ? undefined : expectStatus(answer, 202, 'POST /v1/forms/…/leads');
  });
  await within('the lead became a deal', async () => {
    const { body } = await admin.get<Json>(`/v1/deals?attribution[utm_campaign]=${run}`);
    return (body['items'] as readonly unknown[] | undefined)?.[0];
  });
  await admin.request({ method: 'PATCH', path: `/v1/forms/${form.id}`, body: { enabled: false } });
}

async function within<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  for (const end = performance.now() + WITHIN_MS; ; await sleep(200)) {
    const found = await ask();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new UnexpectedAnswer(`${what}: not within ${WITHIN_MS / 1000} s`);
  }
}

/** The ways in which people write one number. */
export function spelt(number: string, way: number): string {
  const [a, b, c, d] = [number.slice(2, 5), number.slice(5, 8), number.slice(8, 10), number.slice(10)];
  const ways = [
    number,
    `8${a}${b}${c}${d}`,
    `8 (${a}) ${b}-${c}-${d}`,
    `+7 ${a} ${b} ${c} ${d}`,
    `${a}.${b}.${c}.${d}`,
    `8_${a}_${b}_${c}${d}`,
  ];
  return ways[way % ways.length] as string;
}
