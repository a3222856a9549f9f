import { randomBytes, randomInt } from 'node:crypto';
import { eventually, HttpClient, type HttpAnswer, type System } from '#testing';

export { eventually };

export type Level = 'allowed' | 'group' | 'responsible' | 'forbidden';
export type Grants = Readonly<Record<string, Readonly<Record<string, Level>>>>;
export type Json = Record<string, unknown>;
export type Made = { readonly id: string; readonly version: number } & Json;

/** Somebody who can sign in, and is signed in. */
export interface Person {
  readonly id: string;
  readonly email: string;
  readonly password: string;
  readonly client: HttpClient;
}

/** The people of one system, made over HTTP by its first administrator. */
export class Staff {
  private constructor(
    readonly system: System,
    readonly admin: HttpClient,
  ) {}

  static async of(system: System): Promise<Staff> {
    const { email, password } = system.admin;
    return new Staff(system, await new HttpClient(system.gatewayUrl).signIn(email, password));
  }

  /** The id of a new role. */
  async role(grants: Grants): Promise<string> {
    return (await made(this.admin.post('/v1/roles', { name: unique('Role'), grants }))).id;
  }

  /** The id of a new department. */
  async department(parentId: string | null = null): Promise<string> {
    return (await made(this.admin.post('/v1/departments', { name: unique('Department'), parentId }))).id;
  }

  /** A new person, signed in. */
  async person(facts: { grants?: Grants; roleIds?: string[]; departmentId?: string; isAdmin?: boolean } = {}): Promise<Person> {
    const { grants, roleIds = [], departmentId = null, isAdmin = false } = facts;
    const email = `${unique('person').toLowerCase()}@palisade.test`;
    const password = newPassword();
    const roles = grants === undefined ? roleIds : [...roleIds, await this.role(grants)];
    const body = { email, name: unique('Person'), password, roleIds: roles, departmentId, isAdmin };
    const { id } = await made(this.admin.post('/v1/users', body));
    return { id, email, password, client: await new HttpClient(this.system.gatewayUrl).signIn(email, password) };
  }

  /** Changes the security settings: those there are, with the given parts in their place. */
  async settings(change: Json): Promise<void> {
    const { body } = await this.admin.get('/v1/settings/security');
    await answered(200, this.admin.put('/v1/settings/security', { ...body, ...change }));
  }

  /** `settings` for the part `activityMonitoring`. */
  async monitoring(change: Json): Promise<void> {
    const { body } = await this.admin.get<{ activityMonitoring: Json }>('/v1/settings/security');
    await this.settings({ activityMonitoring: { ...body.activityMonitoring, ...change } });
  }
}

/** A word that nothing else has. Letters only: a run of digits could pass for a telephone number, and would be masked. */
export function unique(word: string): string {
  return `${word}-${Array.from(randomBytes(10), (byte) => String.fromCharCode(0x61 + (byte % 26))).join('')}`;
}

/** One that the password policy takes. */
export function newPassword(): string {
  return randomBytes(15).toString('base64url');
}

const numbersGiven = new Set<string>();

/** A valid Russian mobile number in E.164 that no test of this process got before. */
export function freshNumber(): string {
  for (;;) {
    const number = `+7916${String(randomInt(10_000_000)).padStart(7, '0')}`;
    if (numbersGiven.has(number)) continue;
    numbersGiven.add(number);
    return number;
  }
}

/** An address that no test got before. */
export function freshEmail(): string {
  return `${unique('planted')}@${unique('mail').toLowerCase()}.ru`;
}

/** The mask of a number of ours. */
export function maskOf(number: string): string {
  return `+7 *** ***-**-${number.slice(-2)}`;
}

/** The body of an answer with the expected status; otherwise an error that tells what came instead. */
export async function answered<Body>(status: number, answer: Promise<HttpAnswer<Body>>): Promise<Body> {
  const given = await answer;
  if (given.status !== status) throw new Error(`expected ${status}, got ${given.status} ${given.text.slice(0, 500)}`);
  return given.body;
}

/** What was created. Throws on anything but 201. */
export function made(answer: Promise<HttpAnswer<Json>>): Promise<Made> {
  return answered(201, answer) as Promise<Made>;
}

/** `200`, or `404 not-found`: the status, and the code of a refusal. A refusal that is no problem (RFC 9457) says so. */
export async function outcome(answer: Promise<HttpAnswer<unknown>>): Promise<string> {
  return outcomeOf(await answer);
}

export function outcomeOf({ status, headers, body }: HttpAnswer<unknown>): string {
  if (status < 400) return String(status);
  const { code, title, detail, requestId, status: told } = (body ?? {}) as Json;
  const isProblem =
    headers.get('content-type')?.startsWith('application/problem+json') === true &&
    told === status &&
    [code, title, detail, requestId].every((part) => typeof part === 'string' && part !== '');
  return isProblem ? `${status} ${String(code)}` : `${status} and no problem`;
}

/** Asks again as long as a part is unavailable (503 tells to), as a client does on a busy machine. */
export function persistently<Body>(ask: () => Promise<HttpAnswer<Body>>, withinMs = 20_000): Promise<HttpAnswer<Body>> {
  const served = async (): Promise<HttpAnswer<Body> | undefined> => {
    const answer = await ask().catch(() => undefined);
    return answer?.status === 503 ? undefined : answer;
  };
  return eventually('an answer other than 503', served, withinMs);
}

/** Every row of a list, page after page. */
export async function everyRow<Row = Made>(client: HttpClient, path: string, limit = 200): Promise<Row[]> {
  const rows: Row[] = [];
  const joined = path.includes('?') ? '&' : '?';
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: { items: Row[]; nextCursor: string | null } = await answered(
      200,
      client.get<{ items: Row[]; nextCursor: string | null }>(
        `${path}${joined}limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`,
      ),
    );
    rows.push(...page.items);
    cursor = page.nextCursor;
  }
  return rows;
}
