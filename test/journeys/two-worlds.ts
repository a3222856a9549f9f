import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { HttpClient, type HttpAnswer, type System } from '#testing';
import type { EventStream } from '#testing';
import { answered, eventually, everyRow, made, Staff, type Grants, type Json, type Made } from './staff.js';

/** What is hidden in a world: all of it shows the same masks in the other. */
export interface Hidden {
  readonly number: string;
  readonly email: string;
  /** A number within texts. */
  readonly inText: string;
}

const ALL = {
  view: 'allowed',
  create: 'allowed',
  edit: 'allowed',
  delete: 'allowed',
  restore: 'allowed',
  assign: 'allowed',
} as const;
/** As much as somebody can hold without seeing whole numbers. */
const GRANTS: Grants = {
  contact: { ...ALL, export: 'allowed', call: 'allowed' },
  company: { ...ALL, export: 'allowed', call: 'allowed' },
  deal: { ...ALL, export: 'allowed', move: 'allowed' },
  attribution: { view: 'allowed' },
  ...Object.fromEntries(
    ['settings', 'users', 'departments', 'roles', 'forms', 'pipelines', 'audit', 'exposure', 'monitoring'].map((subject) => [
      subject,
      { view: 'allowed' },
    ]),
  ),
};

/** One company with a masked manager, as all its answers are told without what no two companies share. */
export class World {
  readonly #names = new Map<string, string>();
  /** Ids of what there is, by the word of the route it is under. */
  readonly ids = new Map<string, string>();
  private readonly streams: EventStream[] = [];

  private constructor(
    readonly system: System,
    readonly staff: Staff,
    readonly manager: HttpClient,
    readonly formKey: string,
  ) {}

  static async of(system: System): Promise<World> {
    const staff = await Staff.of(system);
    const { admin } = staff;
    const role = await made(admin.post('/v1/roles', { name: 'Manager', grants: GRANTS }));
    const department = await made(admin.post('/v1/departments', { name: 'Sales' }));
    const [email, password] = ['manager@palisade.test', 'correct horse battery staple'];
    const roles = { roleIds: [role.id], departmentId: department.id };
    const user = await made(admin.post('/v1/users', { email, name: 'Manager', password, ...roles }));
    const form = await made(admin.post('/v1/forms', { name: 'Site', assign: { userId: user.id } }));
    const manager = await new HttpClient(system.gatewayUrl).signIn(email, password);
    const world = new World(system, staff, manager, String(form['key']));
    for (const [route, id] of Object.entries({ roles: role.id, departments: department.id, users: user.id, forms: form.id }))
      world.ids.set(route, id);
    for (const type of ['text', 'phone'] as const) {
      const field = await made(admin.post('/v1/custom-fields', { recordType: 'deal', name: `Field of ${type}`, type }));
      world.ids.set(`custom-field ${type}`, field.id);
      world.ids.set('custom-fields', field.id);
    }
    const { items } = await answered(200, admin.get<{ items: { id: string; stages: { id: string }[] }[] }>('/v1/pipelines'));
    world.ids.set('pipelines', items[0]?.id ?? '');
    world.ids.set('stages', items[0]?.stages[1]?.id ?? '');
    world.streams.push(await manager.events('/v1/events/stream'));
    return world;
  }

  close(): void {
    for (const stream of this.streams) stream.close();
  }

  /** Makes what there is to be seen, by the administrator: one of each kind, and one lead unless told. The newest of each kind is in `ids`. */
  async fill({ number, email, inText }: Hidden, { lead = true }: { readonly lead?: boolean } = {}): Promise<void> {
    const { admin } = this.staff;
    const responsibleId = this.ids.get('users') ?? '';
    const points = { phones: [{ label: `тел ${inText}`, number }], emails: [{ address: email }] };
    const texts = { note: `Звонить ${inText}, сумма 1 250 000 руб.`, tags: ['vip', `тег ${inText}`], responsibleId };
    const company = await made(
      admin.post('/v1/companies', {
        name: `ООО ${inText}`,
        ...points,
        ...texts,
        website: `https://wa.me/${inText.replace(/\D/g, '')}`,
        address: `Мира 1, ${inText}`,
      }),
    );
    const contact = await made(
      admin.post('/v1/contacts', { name: `Клиент ${inText}`, ...points, ...texts, companyId: company.id }),
    );
    const customFields = {
      [this.ids.get('custom-field text') ?? '']: `ещё ${inText}`,
      [this.ids.get('custom-field phone') ?? '']: number,
    };
    const deal = await made(
      admin.post('/v1/deals', {
        title: `Сделка ${inText}`,
        ...texts,
        contactIds: [contact.id],
        companyId: company.id,
        customFields,
      }),
    );
    await answered(200, admin.patch(`/v1/contacts/${contact.id}`, { note: `Не звонить ${inText}` }));
    for (const [route, { id }] of Object.entries({ contacts: contact, companies: company, deals: deal })) this.ids.set(route, id);
    this.ids.set('phoneId', (contact['phones'] as Made[])[0]?.id ?? '');
    this.ids.set('emailId', (contact['emails'] as Made[])[0]?.id ?? '');
    if (lead)
      await this.#lead({
        name: `Лид ${inText}`,
        phone: number,
        email,
        message: `Мой ${inText}`,
        attribution: { utm_term: inText },
      });
  }

  async #lead(lead: Json): Promise<void> {
    const ingest = new HttpClient(this.system.ingestUrl);
    const { leadId } = await eventually('the lead is taken', async () => {
      const { status, body } = await ingest.post<{ leadId: string }>(`/v1/forms/${this.formKey}/leads`, lead);
      return status === 202 ? body : undefined;
    });
    await eventually('the lead is a deal', async () => {
      const rows = await everyRow<Json>(this.staff.admin, '/v1/deals');
      return rows.some((row) => row['leadId'] === leadId) ? true : undefined;
    });
  }

  /** An answer as it is told: status, headers and body. With `alone`, ids that come for the first time are named for it alone. */
  async ask({ method, path, body, headers }: Probe, naming: Naming = 'for good'): Promise<string> {
    const answer = await this.manager.request(method, path, {
      ...(body === undefined ? {} : { body }),
      ...(headers === undefined ? {} : { headers }),
    });
    return this.told(path.startsWith('/v1/alerts') ? withoutMinutes(answer) : answer, naming);
  }

  told({ status, headers, text }: Told, naming: Naming = 'for good'): string {
    const kept = [...headers].filter(([name]) => name !== 'date' && name !== 'x-request-id');
    const lines = [String(status), ...kept.map((header) => header.join(': ')).toSorted(), '', text];
    return this.normalised(lines.join('\n'), naming);
  }

  /** What the live stream has told of so far. */
  streamed(): string[] {
    return this.streams.flatMap(({ received }) =>
      received.map(({ event, data }) => this.normalised(`${event} ${data}`, 'alone')),
    );
  }

  /** Ids are told by the order in which they first came, times not at all; what is opaque to a client is opened first. */
  normalised(text: string, naming: Naming = 'for good'): string {
    const names = naming === 'alone' ? new Map(this.#names) : this.#names;
    const nameOf = (id: string): string => {
      const name = names.get(id) ?? `#${names.size}`;
      names.set(id, name);
      return name;
    };
    return (
      text
        .replace(/[A-Za-z0-9_-]{24,}/g, (word) => opened(word) ?? word)
        .replace(/"requestId":"[^"]+"/g, '"requestId":"<request>"')
        .replace(new RegExp(UUID, 'g'), nameOf)
        .replace(new RegExp(TIME, 'g'), '<time>')
        .replace(/frm_[\w-]+/g, '<key>')
        // Names tried at sign-in, under a key of each installation's own.
        .replace(/"account":"[0-9a-f]{64}"/g, '"account":"<mac>"')
        .replaceAll(this.system.gatewayUrl, '<gateway>')
        .replaceAll(this.system.ingestUrl, '<ingest>')
    );
  }
}

type Told = Pick<HttpAnswer<unknown>, 'status' | 'headers' | 'text'>;

/** Alarms without those of many refusals in a minute: where a minute begins among the same refusals is chance. */
function withoutMinutes({ status, headers, text }: Told): Told {
  const kept = new Headers(headers);
  kept.delete('content-length');
  if (status !== 200) return { status, headers: kept, text };
  const page = JSON.parse(text) as { items: { type: string }[] };
  return {
    status,
    headers: kept,
    text: JSON.stringify({ ...page, items: page.items.filter(({ type }) => type !== 'refusals.many') }),
  };
}

/** `alone`: for answers that come later in one world than in the other, and may be asked more than once. */
export type Naming = 'for good' | 'alone';

const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/.source;
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/.source;

/** The content of a cursor: JSON, or texts with an id or a time among them. */
function opened(word: string): string | undefined {
  const plain = Buffer.from(word, 'base64url').toString('utf8');
  return new RegExp(`^\\[|${UUID}|${TIME}`).test(plain) && !plain.includes('\ufffd') ? `<cursor ${plain}>` : undefined;
}

export interface Probe {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly settles?: true;
}
/** How a request is made in a world. */
export type WorldProbe = (world: World) => Probe;

/** A difference between two worlds, if there is one. What `settles` is folded after the answers, and may come later in one of them. */
export async function differenceOf(worlds: readonly [World, World], probe: WorldProbe): Promise<string | undefined> {
  const { method, path, settles } = probe(worlds[0]);
  const once = (): Promise<readonly string[]> =>
    Promise.all(
      worlds.map(async (world) =>
        settles === true ? inAnyOrder(await world.ask(probe(world), 'alone')) : world.ask(probe(world)),
      ),
    );
  let answers = await once();
  for (const end = Date.now() + SETTLED_WITHIN_MS; settles === true && answers[0] !== answers[1] && Date.now() < end;) {
    // Looking is itself recorded, and takes its time to be seen: looked at without a pause, one would always be ahead.
    await sleep(1_000);
    answers = await once();
  }
  return answers[0] === answers[1] ? undefined : `${method} ${worlds[0].normalised(path)}\n${answers.join('\n--- and\n')}`;
}

/** Entries of one moment come in any order; which is which is told by what they say. */
function inAnyOrder(told: string): string {
  return told.replace(/#\d+/g, '#').split('},{').toSorted().join('},{');
}

const SETTLED_WITHIN_MS = 20_000;

/** Whether both worlds come to say the same, for what is folded after the answers. */
export async function settleAlike(worlds: readonly [World, World], tell: (world: World) => Promise<unknown>): Promise<void> {
  let last: unknown[] = [];
  await eventually(
    'both worlds say the same',
    async () => {
      last = await Promise.all(worlds.map(tell));
      return isDeepStrictEqual(last[0], last[1]) ? true : undefined;
    },
    SETTLED_WITHIN_MS,
  ).catch(() => {
    expect(last[0]).toEqual(last[1]);
  });
}
