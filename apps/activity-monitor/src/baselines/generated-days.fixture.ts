import type { Chance } from './chance.fixture.js';
import {
  anyClient,
  busyness,
  dateOf,
  DAYS,
  employees,
  MONTH_FROM,
  sleepingClients,
  standsInFor,
  worksOn,
  type Act,
  type Department,
  type Employee,
} from './generated-company.fixture.js';

/** What a planted scraper takes on each of his days, besides what he does anyway. */
export interface Scraper {
  readonly name: string;
  /** Which of the company's people; several take turns at the same base and no record twice. */
  readonly people: readonly string[];
  /** Records a day and person. */
  readonly records: number;
  readonly fromDay: number;
  readonly days: number;
}

export interface GeneratedDay {
  readonly day: number;
  readonly acts: ReadonlyMap<string, readonly Act[]>;
}

const FRIDAY = 5;
const DEALS_FROM = 10_000_000;
const LEADS_FROM = 1_000_000;

/** Everything that the people of a company did, day by day. */
export function generatedDays(
  chance: Chance,
  scrapers: readonly Scraper[],
): { staff: readonly Employee[]; days: GeneratedDay[] } {
  const staff = employees(
    chance,
    scrapers.flatMap(({ people }) => people),
  );
  const company = { staff, leads: 0, campaign: campaignOf(chance), cleaning: MONTH_FROM + chance.below(60) };
  const scraping = scrapers.map((scraper) => ({ scraper, records: recordsFor(chance, scraper) }));
  const days = Array.from({ length: DAYS }, (_, day): GeneratedDay => {
    const busy = busyness(chance, day);
    const acts = new Map<string, readonly Act[]>();
    for (const person of staff) {
      // Chance is asked first: with and without scrapers the company is the same.
      if (!worksOn(chance, person, day) && !mustBeThere(person, scrapers, day)) continue;
      const scraped = scraping.flatMap(({ scraper, records }) => scrapedBy(person, scraper, records, day));
      acts.set(person.id, chance.shuffled([...dayOf(chance, company, person, day, busy), ...scraped]));
    }
    return { day, acts };
  });
  return { staff, days };
}

/** Who takes everything on one day is there on that day. */
function mustBeThere({ id }: Employee, scrapers: readonly Scraper[], day: number): boolean {
  return scrapers.some(({ people, fromDay, days }) => days === 1 && fromDay === day && people.includes(id));
}

interface Company {
  readonly staff: readonly Employee[];
  leads: number;
  readonly campaign: { readonly department: Department; readonly fromDay: number } | undefined;
  readonly cleaning: number;
}

/** In one month of three a sales department calls clients that it has not called for long, for two days. */
function campaignOf(chance: Chance): Company['campaign'] {
  const fromDay = MONTH_FROM + chance.below(90);
  return { department: chance.pick(['sales-a', 'sales-b', 'sales-c'] as const) ?? 'sales-a', fromDay };
}

function dayOf(chance: Chance, company: Company, person: Employee, day: number, busy: number): Act[] {
  const settling = day - person.since < 14 && person.since > 0 ? 0.3 + (day - person.since) / 20 : 1;
  const heavy = chance.happens(0.02) ? 1.7 : 1;
  const pace = busy * settling * heavy * chance.logNormal(0.22);
  const clients = [...clientsOf(chance, company, person, day, pace)];
  const acts = clients.flatMap((client) => openings(chance, client));
  acts.push(...times(chance.poisson(8 * pace), () => act('list.rows', undefined, 20 + chance.below(31))));
  acts.push(...times(chance.poisson(1.5 * pace), () => act('phone.lookedUp', chance.pick(clients) ?? anyClient(chance))));
  acts.push(...times(chance.poisson(0.3), () => act('record.deleted')));
  if (person.doesExports && dateOf(day).weekday === FRIDAY) acts.push(...exported(chance, person));
  if (person.id === 'office-0' && day === company.cleaning) acts.push(...times(35, () => act('record.deleted')));
  return acts;
}

function clientsOf(chance: Chance, company: Company, person: Employee, day: number, pace: number): Iterable<number> {
  const count = chance.poisson(person.rate * pace);
  if (person.department === 'support' || person.department === 'office')
    return times(count, () =>
      chance.happens(0.15) ? sleeping(chance, chance.pick(['sales-a', 'sales-b', 'sales-c']) ?? 'sales-a') : anyClient(chance),
    );
  const clients = times(count, () => ownClient(chance, person, day));
  for (const other of standsInFor(company.staff, person, day))
    clients.push(...times(chance.poisson(0.6 * other.rate * pace), () => ownClient(chance, other, day)));
  // New leads, and clients that had been quiet and call.
  clients.push(...times(chance.poisson(2 * pace), () => LEADS_FROM + company.leads++));
  clients.push(...times(chance.poisson(1.5 * pace), () => sleeping(chance, person.department as Department)));
  const { campaign } = company;
  if (campaign?.department === person.department && day >= campaign.fromDay && day < campaign.fromDay + 2)
    clients.push(...times(chance.poisson(8), () => sleeping(chance, campaign.department)));
  return clients;
}

/** A few clients have most of the work. One in twenty is another each week. */
function ownClient(chance: Chance, { clients: [first, count], department }: Employee, day: number): number {
  const index = Math.floor(count * chance.next() ** 1.6);
  const week = Math.floor(day / 7);
  if ((index * 7 + week) % 20 !== 0) return first + index;
  const [from, size] = sleepingClients(department as Department);
  return from + ((index * 31 + week * 17 + first) % size);
}

function sleeping(chance: Chance, department: Department): number {
  const [first, count] = sleepingClients(department);
  return first + chance.below(count);
}

function openings(chance: Chance, client: number): Act[] {
  const acts = [act('contact.opened', client)];
  if (chance.happens(0.5)) acts.push(act('deal.opened', DEALS_FROM + client));
  if (chance.happens(0.4)) acts.push(act('phone.revealed', client));
  if (chance.happens(0.3)) acts.push(act('call.placed', client));
  return acts;
}

/** On Fridays the leader of a department takes out what its people work with. */
function exported(chance: Chance, { clients: [first] }: Employee): Act[] {
  return times(60 + chance.below(60), (index) => act('record.exported', first + index));
}

/** Each takes what the others have not: clients that nobody works with. */
function recordsFor(chance: Chance, { records, days, people }: Scraper): readonly number[] {
  const all = (['sales-a', 'sales-b', 'sales-c'] as const).flatMap((department) => {
    const [first, count] = sleepingClients(department);
    return times(count, (index) => first + index);
  });
  return chance.some(all, records * days * people.length);
}

function scrapedBy(person: Employee, scraper: Scraper, all: readonly number[], day: number): readonly Act[] {
  const turn = scraper.people.indexOf(person.id);
  const nth = day - scraper.fromDay;
  if (turn < 0 || nth < 0 || nth >= scraper.days) return [];
  const from = (nth * scraper.people.length + turn) * scraper.records;
  return all.slice(from, from + scraper.records).map((client) => ({ ...act('contact.opened', client), scraped: true }));
}

function act(measure: Act['measure'], record?: number, amount = 1): Act {
  return { measure, amount, record, scraped: false };
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
