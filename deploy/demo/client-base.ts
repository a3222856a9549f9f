import { describeAnswer } from './api-client.js';
import type { Company } from './company.js';
import { keyOf, make, readAll, type DemoRun, type Person } from './demo-run.js';
import { inParallel } from './in-parallel.js';
import { internationally, inventContacts, inventDeals } from './invented-people.js';

const IN_FLIGHT = 16;

/** A record that was acknowledged, and whose it is. */
export interface MadeRecord {
  readonly id: string;
  readonly ownerId: string;
}

/** Everything this run was told to exist. */
export interface ClientBase {
  readonly contacts: MadeRecord[];
  readonly deals: MadeRecord[];
}

/** The managers make contacts and deals, 16 requests at a time. Throws `UnexpectedAnswer` on a refusal. */
export async function fillClientBase(run: DemoRun, company: Company): Promise<ClientBase> {
  const contacts = await makeContacts(run, company);
  const deals = await makeDeals(run, company, contacts);
  const base = { contacts, deals };
  await expectNothingLostOrDoubled(run, company, base);
  return base;
}

async function makeContacts(run: DemoRun, { managers, region }: Company): Promise<MadeRecord[]> {
  const invented = inventContacts(run.options.contacts, run.id);
  for (const { phones, emails } of invented) {
    for (const { number } of phones) run.planted.plantNumber(number);
    for (const { address } of emails) run.planted.plantEmail(address);
  }
  const progress = run.terminal.progress('contacts', invented.length);
  const made = await inParallel(invented, IN_FLIGHT, async (contact, index) => {
    const owner = managers[index % managers.length] as Person;
    const phones = contact.phones.map(({ label, number }) => ({
      label,
      number: region === 'RU' ? number : internationally(number),
    }));
    const { id } = await make(owner.api, '/v1/contacts', { ...contact, phones }, keyOf(run, `contact-${index}`));
    progress.advance(repeats(run));
    return { id, ownerId: owner.id };
  });
  progress.end();
  return made;
}

async function makeDeals(run: DemoRun, company: Company, contacts: readonly MadeRecord[]): Promise<MadeRecord[]> {
  const { managers, stages, pipelineId } = company;
  const invented = inventDeals(run.options.deals);
  const progress = run.terminal.progress('deals   ', invented.length);
  const made = await inParallel(invented, IN_FLIGHT, async (deal, index) => {
    // Contacts were dealt out in the same turn: this one is the same manager's.
    const contact = contacts[index % (contacts.length - (contacts.length % managers.length))] as MadeRecord;
    const owner = managers.find(({ id }) => id === contact.ownerId) as Person;
    const body = { ...deal, pipelineId, stageId: stages[index % stages.length], contactIds: [contact.id] };
    const { id } = await make(owner.api, '/v1/deals', body, keyOf(run, `deal-${index}`));
    progress.advance(repeats(run));
    return { id, ownerId: owner.id };
  });
  progress.end();
  return made;
}

/** Reads the lists of every manager to the end as administrator and compares them, id by id, with what was acknowledged. */
export async function expectNothingLostOrDoubled(run: DemoRun, { managers }: Company, base: ClientBase): Promise<void> {
  for (const type of ['contacts', 'deals'] as const) {
    const acknowledged = new Set(base[type].map(({ id }) => id));
    const pages = await inParallel(managers, 2, ({ id }) =>
      readAll<{ id: string; leadId?: string | null }>(run.admin, `/v1/${type}?responsibleId=${id}&sort=createdAt`),
    );
    // What leads became is counted with the leads.
    const found = pages.flat().filter(({ leadId }) => leadId === null || leadId === undefined);
    const foundIds = new Set(found.map(({ id }) => id));
    const lost = [...acknowledged].filter((id) => !foundIds.has(id)).length;
    const extra = found.filter(({ id }) => !acknowledged.has(id)).length;
    const seen = `${acknowledged.size} acknowledged, ${found.length} found, ${lost} lost, ${extra} that nobody made`;
    run.findings.expect(
      `${type}: nothing lost, nothing doubled`,
      lost === 0 && extra === 0 && found.length === acknowledged.size,
      seen,
    );
  }
  const counted = await run.admin.get<{ count?: number }>(
    `/v1/contacts?responsibleId=${managers[0]?.id ?? ''}&count=true&limit=1`,
  );
  if (typeof counted.body.count !== 'number') run.findings.expect('a list is counted when asked', false, describeAnswer(counted));
}

function repeats({ traffic }: DemoRun): string {
  return traffic.repeated === 0 ? '' : `, ${traffic.repeated} repeats`;
}
