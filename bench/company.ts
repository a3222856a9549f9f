import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SecuritySettings } from '#contracts';
import type { BenchSystem } from './system.js';

const DEPARTMENTS = 10;
const MANAGERS = 200;
const CONTACTS = 2_000;
/** What the company is grown to (issue "Access"), and how deep its tree of departments is then. */
const GROWN = { roles: 200, departments: 300, depth: 12 };
/** Requests in flight while the company is made. */
const IN_FLIGHT = 8;
/** As high as a limit goes: each opening is counted against two of them, and none is reached. */
const NEVER = 1_000_000;

/** Somebody who is signed in. */
export interface Person {
  readonly token: string;
}

/** A person with a session, and the contacts that his level, group, lets him see. */
export interface Manager {
  readonly token: string;
  readonly department: number;
}

export interface Company {
  readonly departmentIds: readonly string[];
  readonly managers: readonly Manager[];
  /** Ids of contacts, by department. */
  readonly contacts: readonly string[][];
}

interface ContactBody {
  readonly name: string;
  readonly phones: ReadonlyArray<{ readonly label: string; readonly number: string }>;
  readonly emails: ReadonlyArray<{ readonly label: string; readonly address: string }>;
  readonly tags: readonly string[];
}

/** A new contact's body, made up; each serial has a number and an address of its own. */
export function contactBody(serial: number): ContactBody {
  const pick = (values: readonly string[], step: number): string => values[Math.floor(serial / step) % values.length] as string;
  const name = `${pick(['Иван', 'Мария', 'Пётр', 'Анна', 'Олег', 'Ольга'], 1)} ${pick(['Ким', 'Шевчук', 'Дюма', 'Черных'], 6)}`;
  return {
    name,
    phones: [{ label: 'mobile', number: `+7 916 ${String(serial % 10_000_000).padStart(7, '0')}` }],
    emails: [{ label: 'work', address: `person${serial}@example.test` }],
    tags: ['bench'],
  };
}

/** Makes the company over HTTP, as its administrator would: departments, a role, people who sign in, their contacts, limits. */
export class CompanyBuilder {
  readonly #system: BenchSystem;
  #admin = '';
  #watchedRole = '';

  constructor(system: BenchSystem) {
    this.#system = system;
  }

  async signIn(): Promise<void> {
    this.#admin = await this.#session(this.#system.admin);
  }

  /** For what only an administrator may see. */
  adminToken(): Promise<string> {
    return this.#session(this.#system.admin);
  }

  /** A web form, in force at ingest. Its key. */
  async form(): Promise<string> {
    const { key } = await this.#post<{ key: string }>('/v1/forms', { name: 'Bench', quarantineAfter: null }, this.#admin);
    for (const end = Date.now() + 10_000; Date.now() < end; await sleep(50)) {
      const response = await fetch(`${this.#system.ingestUrl}/v1/forms/${key}/leads`, json({ name: 'Первый' }));
      await response.body?.cancel();
      if (response.status === 202) return key;
    }
    throw new Error('the form is not in force at ingest after 10 s');
  }

  async company(progress: (text: string) => void): Promise<Company> {
    await this.#setLimits();
    progress(`${MANAGERS} people`);
    const departmentIds = await this.#departments();
    const managers = await this.#managers(departmentIds);
    progress(`${CONTACTS} contacts`);
    const contacts = Array.from({ length: DEPARTMENTS }, (): string[] => []);
    await inFlight(CONTACTS, async (index) => {
      const { token, department } = managers[index % managers.length] as Manager;
      const { id } = await this.#post<{ id: string }>('/v1/contacts', contactBody(index), token);
      contacts[department]?.push(id);
    });
    return { departmentIds, managers, contacts };
  }

  /**
   * Grows the company to its full number of roles and departments: a way up of many departments above the people, each with a role of
   * its own that extends another, the other departments below theirs, and the limits for one of those roles.
   */
  async grow({ departmentIds }: Company): Promise<void> {
    const grants = { contact: { view: 'group' }, deal: { view: 'responsible' } };
    const roles: string[] = [];
    for (let n = 1; n < GROWN.roles; n += 1) {
      const body = { name: `Role ${n}`, grants, extends: n % 5 === 0 ? null : (roles.at(-1) ?? null) };
      roles.push((await this.#post<{ id: string }>('/v1/roles', body, this.#admin)).id);
    }
    let parentId: string | null = null;
    for (let n = 0; n < GROWN.depth; n += 1) {
      const body: object = { name: `Level ${n}`, parentId };
      parentId = (await this.#post<{ id: string }>('/v1/departments', body, this.#admin)).id;
      await this.#request('PUT', `/v1/departments/${parentId}/roles`, { roleIds: [roles[n]] }, this.#admin);
    }
    for (const id of departmentIds) await this.#request('PATCH', `/v1/departments/${id}`, { parentId }, this.#admin);
    await inFlight(GROWN.departments - GROWN.depth - departmentIds.length, (n) =>
      this.#post('/v1/departments', { name: `Team ${n}`, parentId: departmentIds[n % departmentIds.length] }, this.#admin),
    );
    await this.#setLimits({ roleIds: [roles[0] as string] });
  }

  /** A limit that cuts off after so many contacts in an hour, and the ids of more than so many. */
  async watched(max: number): Promise<readonly string[]> {
    const limit = { measure: 'contact.opened', window: 'hour', max, action: 'deactivate', scope: { everyone: true } } as const;
    await this.#setMonitoring([limit]);
    const grants = { contact: { view: 'allowed' } };
    this.#watchedRole = (await this.#post<{ id: string }>('/v1/roles', { name: 'Watched', grants }, this.#admin)).id;
    return inFlight(max + 1, async (index) => {
      return (await this.#post<{ id: string }>('/v1/contacts', contactBody(index), this.#admin)).id;
    });
  }

  /** A new person who may open all contacts, signed in. After `watched`. */
  async person(): Promise<Person> {
    const login = { email: `${randomBytes(8).toString('hex')}@bench.test`, password: randomBytes(12).toString('base64url') };
    await this.#post('/v1/users', { ...login, name: 'Watched', roleIds: [this.#watchedRole], departmentId: null }, this.#admin);
    return { token: await this.#session(login) };
  }

  async #departments(): Promise<string[]> {
    const made = await inFlight(DEPARTMENTS, (index) =>
      this.#post<{ id: string }>('/v1/departments', { name: `Department ${index + 1}` }, this.#admin),
    );
    return made.map(({ id }) => id);
  }

  async #managers(departmentIds: readonly string[]): Promise<Manager[]> {
    const grants = { contact: { view: 'group', create: 'allowed', edit: 'responsible' } };
    const role = await this.#post<{ id: string }>('/v1/roles', { name: 'Manager', grants }, this.#admin);
    return inFlight(MANAGERS, async (index) => {
      const department = index % DEPARTMENTS;
      const login = { email: `manager${index}@bench.test`, password: randomBytes(12).toString('base64url') };
      const departmentId = departmentIds[department];
      await this.#post('/v1/users', { ...login, name: `Manager ${index}`, roleIds: [role.id], departmentId }, this.#admin);
      return { token: await this.#session(login), department };
    });
  }

  async #setLimits(scope: object = { everyone: true }): Promise<void> {
    const limit = (window: 'hour' | 'day') => ({
      ...{ measure: 'contact.opened', window, max: NEVER, action: 'deactivate', scope },
    });
    await this.#setMonitoring([limit('hour'), limit('day')]);
  }

  async #setMonitoring(limits: readonly object[]): Promise<void> {
    const settings = await this.#request<SecuritySettings>('GET', '/v1/settings/security', undefined, this.#admin);
    const activityMonitoring = { ...settings.activityMonitoring, limits };
    await this.#request('PUT', '/v1/settings/security', { ...settings, activityMonitoring }, this.#admin);
  }

  async #session(login: { readonly email: string; readonly password: string }): Promise<string> {
    const { email, password } = login;
    return (await this.#post<{ token: string }>('/v1/sessions', { email, password })).token;
  }

  #post<Body>(path: string, body: object, token?: string): Promise<Body> {
    return this.#request('POST', path, body, token);
  }

  async #request<Body>(method: string, path: string, body?: object, token?: string): Promise<Body> {
    const headers = { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
    const sent = body === undefined ? { method, headers } : { ...json(body, headers), method };
    const response = await fetch(this.#system.gatewayUrl + path, { ...sent, signal: AbortSignal.timeout(30_000) });
    const text = await response.text();
    // Problem documents hold no personal values, by the API's own rule.
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status} ${text.slice(0, 300)}`);
    return JSON.parse(text) as Body;
  }
}

function json(body: object, headers: Readonly<Record<string, string>> = {}) {
  return { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

async function inFlight<Result>(count: number, work: (index: number) => Promise<Result>): Promise<Result[]> {
  const results = new Array<Result>(count);
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) results[index] = await work(index);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return results;
}
