import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient, describeAnswer, expectStatus, UnexpectedAnswer, type Json } from './api-client.js';
import type { Company } from './company.js';
import { keyOf, make, readAll, type DemoRun } from './demo-run.js';
import { inParallel } from './in-parallel.js';
import { internationally, inventLeads, SOURCES } from './invented-people.js';

const LEADS = 20;
/** Leads that the page sends twice, as pages do. */
const SENT_TWICE = 5;
const FORM_KNOWN_WITHIN_MS = 10_000;
const DEALS_WITHIN_MS = 60_000;

interface DealRow {
  readonly id: string;
  readonly title: string;
  readonly leadId: string | null;
}
interface Card extends Json {
  readonly attribution?: Readonly<Record<string, string>>;
}

/** A form on a web page brings leads; each becomes one deal, and its source is seen by those who may. */
export async function bringLeads(run: DemoRun, company: Company): Promise<void> {
  const { admin, findings, terminal } = run;
  const body = {
    name: `Заявка с сайта ${run.id}`,
    titleTemplate: 'Заявка {number} от {date}',
    assign: { departmentId: company.departments.north },
  };
  const form = await make<Json & { id: string; key: string }>(admin, '/v1/forms', body, keyOf(run, 'form'));
  const leadIds = await postLeads(run, company, form.key);
  findings.expect(
    `${LEADS} leads taken, ${SENT_TWICE} of them sent twice`,
    new Set(leadIds).size === LEADS,
    `${new Set(leadIds).size} lead ids`,
  );
  const deals = await waitForDeals(run, new Set(leadIds));
  findings.expect('one deal of each lead', deals.length === LEADS, `${deals.length} deals`);
  const first = deals[0];
  if (first === undefined) return;
  terminal.line(`  a deal of them: ${first.title}`);
  await showAttribution(run, company, first.id);
}

async function postLeads(run: DemoRun, { region }: Company, formKey: string): Promise<string[]> {
  const ingest = new ApiClient({ urls: run.system.ingestUrls, traffic: run.traffic });
  const leads = inventLeads(LEADS, run.id);
  const path = `/v1/forms/${formKey}/leads`;
  const progress = run.terminal.progress('leads   ', LEADS + SENT_TWICE);
  const post = async (index: number): Promise<string> => {
    const lead = leads[index] as (typeof leads)[number];
    run.planted.plantNumber(lead.phone);
    run.planted.plantEmail(lead.email);
    const attribution = { ...SOURCES[index % SOURCES.length], utm_campaign: campaign(run), landingPage: '/pricing' };
    const body = { ...lead, phone: region === 'RU' ? lead.phone : internationally(lead.phone), attribution };
    const answer = await whenFormIsKnown(() => ingest.post<{ leadId: string }>(path, body, keyOf(run, `lead-${index}`)));
    progress.advance();
    return expectStatus(answer, 202, 'POST /v1/forms/…/leads').body.leadId;
  };
  const once = await inParallel([...leads.keys()], 4, post);
  const twice = await inParallel([...leads.keys()].slice(0, SENT_TWICE), 4, post);
  progress.end();
  return [...once, ...twice];
}

/** A form is in force at ingest within a second of its making. */
async function whenFormIsKnown<A extends { readonly status: number }>(post: () => Promise<A>): Promise<A> {
  for (const end = performance.now() + FORM_KNOWN_WITHIN_MS; ; await sleep(200)) {
    const answer = await post();
    if (answer.status !== 404 || performance.now() > end) return answer;
  }
}

async function waitForDeals(run: DemoRun, leadIds: ReadonlySet<string>): Promise<DealRow[]> {
  const path = `/v1/deals?attribution[utm_campaign]=${campaign(run)}`;
  for (const end = performance.now() + DEALS_WITHIN_MS; ; await sleep(250)) {
    const deals = (await readAll<DealRow>(run.admin, path)).filter(({ leadId }) => leadId !== null && leadIds.has(leadId));
    if (deals.length >= LEADS || performance.now() > end) return deals;
    run.terminal.live(`  deals that came: ${deals.length} of ${LEADS}`);
  }
}

async function showAttribution(run: DemoRun, { managers, marketer }: Company, dealId: string): Promise<void> {
  const { admin, findings } = run;
  const manager = managers[0];
  if (manager === undefined) throw new UnexpectedAnswer('there is no manager');
  const open = async (api: ApiClient): Promise<Card> =>
    expectStatus(await api.get<Card>(`/v1/deals/${dealId}`), 200, 'GET /v1/deals/:id').body;
  const source = ({ attribution }: Card): string => attribution?.['utm_source'] ?? 'nothing';
  const [ofAdmin, ofMarketing, ofManager] = [await open(admin), await open(marketer.api), await open(manager.api)];
  findings.expect('the administrator sees where it came from', ofAdmin.attribution !== undefined, source(ofAdmin));
  findings.expect('marketing sees it too', ofMarketing.attribution !== undefined, source(ofMarketing));
  findings.expect('the manager sees the deal and not its source', !('attribution' in ofManager), source(ofManager));
  const filtered = await manager.api.get(`/v1/deals?attribution[utm_source]=yandex`);
  findings.expect('nor may he filter by it', filtered.status === 422, describeAnswer(filtered));
}

function campaign(run: DemoRun): string {
  return `demo-${run.id}`;
}
