import { describeAnswer, expectStatus, type Json } from './api-client.js';
import type { Company } from './company.js';
import { keyOf, type DemoRun, type Page, type Person } from './demo-run.js';

interface Point {
  readonly label: string | null;
  readonly masked: string;
  readonly number?: string;
  readonly address?: string;
}
interface ContactCard extends Json {
  readonly id: string;
  readonly name: string;
  readonly phones: readonly Point[];
  readonly emails: readonly Point[];
  readonly version: number;
}
interface DealRow {
  readonly id: string;
  readonly title: string;
  readonly stageId: string;
}

const OPENED = 5;

/** An ordinary day: a list, some cards, a note, a deal that moves on. */
export async function workAsManager(run: DemoRun, company: Company): Promise<void> {
  const manager = company.managers[1] as Person;
  run.terminal.note(`${manager.name}, manager`);
  const cards = await readCards(run, manager);
  const contact = cards[0];
  if (contact !== undefined) await editCard(run, manager, contact);
  await moveDeal(run, manager, company);
}

async function readCards({ findings, terminal }: DemoRun, { id, api }: Person): Promise<ContactCard[]> {
  const path = '/v1/contacts';
  const list = expectStatus(
    await api.get<Page<{ id: string }>>(`${path}?responsibleId=${id}&limit=${OPENED}`),
    200,
    `GET ${path}`,
  );
  const cards: ContactCard[] = [];
  for (const row of list.body.items) {
    const card = expectStatus(await api.get<ContactCard>(`${path}/${row.id}`), 200, `GET ${path}/:id`).body;
    terminal.line(`    ${card.name.padEnd(28)} ${[...card.phones, ...card.emails].map(({ masked }) => masked).join('  ')}`);
    cards.push(card);
  }
  const points = cards.flatMap(({ phones, emails }) => [...phones, ...emails]);
  const clear = points.filter((point) => 'number' in point || 'address' in point).length;
  findings.expect(
    `${OPENED} cards opened, every number masked`,
    cards.length === OPENED && clear === 0,
    `${points.length} masks, ${clear} in clear`,
  );
  return cards;
}

async function editCard({ findings }: DemoRun, { api }: Person, { id, version }: ContactCard): Promise<void> {
  const path = `/v1/contacts/${id}`;
  // Without If-Match: should the answer be lost, the same change again does no harm.
  const changed = await api.request({ method: 'PATCH', path, body: { note: 'Перезвонить в четверг', tags: ['важный'] } });
  findings.expect('a card changed', changed.status === 200, describeAnswer(changed));
  const stale = await api.request({ method: 'PATCH', path, body: { note: 'Старое' }, headers: { 'if-match': `"${version}"` } });
  findings.expect('a change of what he saw before is refused', stale.status === 412, describeAnswer(stale));
}

async function moveDeal(run: DemoRun, { id, api }: Person, { stages }: Company): Promise<void> {
  const deals = expectStatus(await api.get<Page<DealRow>>(`/v1/deals?responsibleId=${id}&limit=1`), 200, 'GET /v1/deals');
  const deal = deals.body.items[0];
  if (deal === undefined) return run.findings.expect('a deal of his own', false);
  const next = stages[(stages.indexOf(deal.stageId) + 1) % stages.length];
  const moved = await api.post(`/v1/deals/${deal.id}/move`, { stageId: next }, keyOf(run, 'move'));
  const after = expectStatus(await api.get<{ stageId: string }>(`/v1/deals/${deal.id}`), 200, 'GET /v1/deals/:id').body;
  run.findings.expect('a deal moved to its next stage', moved.status === 200 && after.stageId === next, deal.title);
}
