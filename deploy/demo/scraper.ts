import { setTimeout as sleep } from 'node:timers/promises';
import { AlarmStream, recentAlarms, type Alarm } from './alarm-stream.js';
import { codeOf, describeAnswer, expectStatus } from './api-client.js';
import { CARD_LIMIT, type Company } from './company.js';
import { keyOf, readAll, type DemoRun, type Page, type Person } from './demo-run.js';
import { ScrapingTally } from './scraping-tally.js';

const CONNECTIONS = 32;
const TARGETS = 40;
/** A person who is out gets this much rest between tries, so that what is shown stays readable. */
const PAUSE_WHEN_OUT_MS = 25;
const GIVEN_UP_AFTER_MS = 90_000;
/** How long he goes on after the alarm. */
const AFTER_ALARM_MS = 1_500;
const LEDGER_WITHIN_MS = 30_000;

/** A manager who takes the client base with him: 40 contacts over and over, 32 connections, every gateway. */
export async function scrape(run: DemoRun, company: Company, adminToken: string): Promise<Person> {
  const { terminal, system, admin, findings } = run;
  const scraper = company.managers.at(-1) as Person;
  const list = expectStatus(
    await scraper.api.get<Page<{ id: string }>>(`/v1/contacts?limit=${TARGETS}`),
    200,
    'GET /v1/contacts',
  );
  const targets = list.body.items.map(({ id }) => id);
  terminal.note(
    `${scraper.name}, manager: ${targets.length} contacts, ${CONNECTIONS} connections, ${system.gatewayUrls.length} gateways`,
  );
  const tally = new ScrapingTally();
  const rung: Alarm[] = [];
  const stream = await AlarmStream.open(system.gatewayUrls, adminToken, admin, (alarm) => {
    if (alarm.userId !== scraper.id) return;
    if (alarm.type === 'user.deactivated') tally.alarmAt ??= performance.now();
    terminal.alarm(`${alarm.type}: ${alarm.message}${alarm.cutOffMs === undefined ? '' : ` (cut off in ${alarm.cutOffMs} ms)`}`);
    rung.push(alarm);
  });
  try {
    await hammer(run, scraper, targets, tally);
  } finally {
    await stream.close();
  }
  terminal.line(`  ${tally.line()}`);
  judgeServing(run, tally);
  await judgeCutOff(run, scraper, tally, rung);
  await judgeLedger(run, scraper, tally);
  const again = await admin.post('/v1/sessions', { email: scraper.email, password: scraper.password });
  findings.expect('he cannot sign in again', codeOf(again) === 'account-deactivated', describeAnswer(again));
  return scraper;
}

async function hammer(run: DemoRun, { api }: Person, targets: readonly string[], tally: ScrapingTally): Promise<void> {
  const urls = run.system.gatewayUrls;
  const end = performance.now() + GIVEN_UP_AFTER_MS;
  const isOver = (): boolean => performance.now() > Math.min(end, (tally.alarmAt ?? Infinity) + AFTER_ALARM_MS);
  const connection = async (_: unknown, number: number): Promise<void> => {
    for (let turn = number; !isOver(); turn += 1) {
      const contactId = targets[(turn * 7 + number) % targets.length] as string;
      const url = urls[turn % urls.length] as string;
      const sentAt = performance.now();
      const answer = await api.once(url, { method: 'GET', path: `/v1/contacts/${contactId}` }).catch(() => undefined);
      if (answer === undefined) tally.addUndelivered(sentAt);
      else tally.add({ contactId, sentAt, status: answer.status, code: codeOf(answer) }, performance.now());
      run.terminal.live(`  ${tally.line()}`);
      if (answer?.status !== 200) await sleep(PAUSE_WHEN_OUT_MS);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
}

function judgeServing({ findings, terminal }: DemoRun, tally: ScrapingTally): void {
  const { distinct, served, undelivered, refusals } = tally;
  // Where a service was away a card may be counted and not have arrived; more than the limit never arrive.
  const exact = undelivered === 0 ? distinct.size === CARD_LIMIT : distinct.size <= CARD_LIMIT;
  findings.expect(`exactly ${CARD_LIMIT} distinct cards served`, exact, `${distinct.size} distinct in ${served} answers`);
  findings.expect('the next one refused', refusals.has('403 view-limit-reached'), [...refusals.keys()].join(', '));
  findings.expect('no card to a request sent after the refusal', tally.servedAfterRefusal === 0, `${tally.servedAfterRefusal}`);
  if (undelivered > 0) terminal.note(`${undelivered} of his requests before the refusal brought no answer or 503`);
}

async function judgeCutOff(run: DemoRun, scraper: Person, tally: ScrapingTally, rung: readonly Alarm[]): Promise<void> {
  const { findings, admin } = run;
  const onStream = rung.filter(({ type }) => type === 'user.deactivated');
  const listed = (await recentAlarms(admin)).filter(({ type, userId }) => type === 'user.deactivated' && userId === scraper.id);
  const cutOffMs = onStream[0]?.cutOffMs ?? listed[0]?.cutOffMs;
  findings.expect(
    'the alarm on the stream, once',
    onStream.length === 1 && listed.length === 1,
    `${onStream.length} heard, ${listed.length} in the list`,
  );
  findings.expect(
    'with its limit and the time of the cut-off',
    onStream[0]?.limit === CARD_LIMIT && cutOffMs !== undefined,
    `limit ${onStream[0]?.limit ?? 'missing'}, cutOffMs ${cutOffMs ?? 'missing'}`,
  );
  const { firstRefusalAt, firstSignedOutAt, afterAlarm } = tally;
  if (firstRefusalAt !== undefined && firstSignedOutAt !== undefined) {
    run.terminal.note(
      `from his first refusal to his first 401, as he saw it: ${Math.max(0, firstSignedOutAt - firstRefusalAt).toFixed(0)} ms`,
    );
  }
  const later = [...afterAlarm].map(([status, count]) => `${count} × ${status}`).join(', ');
  // While a service is away 503 is as good a refusal.
  const onlyOut = [...afterAlarm.keys()].every((status) => status === 401 || status === 503);
  findings.expect(
    'every later request of his 401',
    onlyOut && (afterAlarm.get(401) ?? 0) > 0,
    later === '' ? 'none was made' : later,
  );
}

interface LedgerRow {
  readonly subjectType: string;
  readonly subjectId: string;
  readonly kind: string;
  readonly masked: boolean;
}

/** The ledger is folded from the disclosure log and may be a moment behind. */
async function judgeLedger({ admin, findings, terminal }: DemoRun, scraper: Person, tally: ScrapingTally): Promise<void> {
  for (const end = performance.now() + LEDGER_WITHIN_MS; ; await sleep(250)) {
    const rows = await readAll<LedgerRow>(admin, `/v1/exposure?userId=${scraper.id}`);
    const of = (kind: string): Set<string> => new Set(rows.filter((row) => row.kind === kind).map(({ subjectId }) => subjectId));
    const [cards, listed] = [of('card'), of('row')];
    if (cards.size < CARD_LIMIT && performance.now() < end) continue;
    const all = [...tally.distinct].every((id) => cards.has(id));
    terminal.line(
      `  the ledger: ${listed.size} contacts as rows of a list, ${cards.size} as open cards, ${rows.every(({ masked }) => masked) ? 'all masked' : 'not all masked'}`,
    );
    findings.expect(
      'the ledger knows every card he got, and no other',
      all && cards.size === CARD_LIMIT,
      `${cards.size} distinct cards`,
    );
    return;
  }
}

/** The administrator brings him back. */
export async function reactivate(run: DemoRun, person: Person): Promise<void> {
  const { admin, findings } = run;
  const path = `/v1/users/${person.id}/reactivate`;
  const back = await admin.post(path, { reason: 'Разговор состоялся, доступ возвращён' }, keyOf(run, 'reactivate'));
  findings.expect('the administrator reactivates him, with a reason', back.status === 200, describeAnswer(back));
  const session = await admin.post<{ token?: string }>('/v1/sessions', { email: person.email, password: person.password });
  const token = session.body.token;
  findings.expect('he signs in again', session.status === 201 && token !== undefined, describeAnswer(session));
  if (token === undefined) return;
  const api = person.api.as(token);
  const list = await api.get<Page<{ id: string }>>('/v1/contacts?limit=1');
  const card = await api.get(`/v1/contacts/${list.body.items?.[0]?.id ?? ''}`);
  findings.expect('and his window starts anew', card.status === 200, describeAnswer(card));
}
