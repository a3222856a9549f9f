import { randomBytes } from 'node:crypto';
import { ApiClient, expectStatus, type Json } from './api-client.js';
import { keyOf, make, type DemoRun, type Person } from './demo-run.js';
import { inParallel } from './in-parallel.js';
import { employeeName } from './invented-people.js';

/** Cards of contacts that one person may open in an hour. */
export const CARD_LIMIT = 20;

/** The company of a run. */
export interface Company {
  readonly departments: { readonly north: string; readonly south: string; readonly marketing: string };
  /** Four of the north, then four of the south. */
  readonly managers: readonly Person[];
  readonly marketer: Person;
  readonly stages: readonly string[];
  readonly pipelineId: string;
  /** The region in which numbers without a country code are read. */
  readonly region: string;
}

const OWN_RECORDS = { view: 'group', create: 'allowed', edit: 'responsible', assign: 'forbidden', delete: 'forbidden' };
const GROUP_RECORDS = { view: 'group', create: 'allowed', edit: 'group', assign: 'group', delete: 'group', restore: 'group' };
const ROLES = {
  Manager: {
    contact: OWN_RECORDS,
    company: OWN_RECORDS,
    deal: { ...OWN_RECORDS, move: 'responsible' },
    pipelines: { view: 'allowed' },
  },
  Head: {
    contact: GROUP_RECORDS,
    company: GROUP_RECORDS,
    deal: { ...GROUP_RECORDS, move: 'group' },
    pipelines: { view: 'allowed' },
  },
  Marketing: { deal: { view: 'allowed' }, attribution: { view: 'allowed' }, pipelines: { view: 'allowed' } },
};
type RoleName = keyof typeof ROLES;
type DepartmentName = keyof Company['departments'];

/** 3 departments, 12 people. */
const STAFF: readonly (readonly [DepartmentName, RoleName])[] = [
  ...(['north', 'south'] as const).flatMap((department) => [
    [department, 'Head'] as const,
    ...Array.from({ length: 4 }, () => [department, 'Manager'] as const),
  ]),
  ['marketing', 'Marketing'],
  ['marketing', 'Marketing'],
];

/** Makes departments, roles and people, and sets what is watched. */
export async function foundCompany(run: DemoRun): Promise<Company> {
  const { admin, terminal, findings } = run;
  const department = (name: DepartmentName, title: string): Promise<string> =>
    make(admin, '/v1/departments', { name: `${title} ${run.id}` }, keyOf(run, `department-${name}`)).then(({ id }) => id);
  const departments = {
    north: await department('north', 'Продажи Север'),
    south: await department('south', 'Продажи Юг'),
    marketing: await department('marketing', 'Маркетинг'),
  };
  const roles = await makeRoles(run);
  const people = await inParallel(STAFF, 4, ([where, role], index) =>
    employ(run, index, departments[where], roles[role]).then((person) => ({ role, person })),
  );
  const ofRole = (role: RoleName): Person[] => people.filter((one) => one.role === role).map(({ person }) => person);
  findings.expect('3 departments, 3 roles, 12 people signed in', people.length === 12);
  const region = await setSecurity(run);
  terminal.note(`limit: ${CARD_LIMIT} cards of contacts an hour, then cut off; phones hidden; region ${region}`);
  const { items } = expectStatus(await admin.get<Pipelines>('/v1/pipelines'), 200, 'GET /v1/pipelines').body;
  const pipeline = items[0];
  if (pipeline === undefined) throw new Error('there is no pipeline, though a first start makes one');
  return {
    departments,
    managers: ofRole('Manager'),
    marketer: ofRole('Marketing')[0] as Person,
    pipelineId: pipeline.id,
    stages: pipeline.stages.map(({ id }) => id),
    region,
  };
}

interface Pipelines extends Json {
  readonly items: readonly { id: string; stages: readonly { id: string }[] }[];
}

async function makeRoles(run: DemoRun): Promise<Record<RoleName, string>> {
  const made: Partial<Record<RoleName, string>> = {};
  for (const [name, grants] of Object.entries(ROLES) as [RoleName, object][]) {
    const role = await make(run.admin, '/v1/roles', { name: `${name} ${run.id}`, grants }, keyOf(run, `role-${name}`));
    made[name] = role.id;
  }
  return made as Record<RoleName, string>;
}

async function employ(run: DemoRun, index: number, departmentId: string, roleId: string): Promise<Person> {
  const name = employeeName(index);
  const email = `person${index + 1}.${run.id}@palisade.example`;
  const password = randomBytes(15).toString('base64url');
  const body = { email, name, password, roleIds: [roleId], departmentId };
  const { id } = await make(run.admin, '/v1/users', body, keyOf(run, `person-${index}`));
  const api = run.admin.as(await signIn(run.admin, email, password), run.watched.look);
  return { id, name, email, password, departmentId, api };
}

/** The token of a new session. Throws `UnexpectedAnswer`, which quotes neither e-mail nor password. */
export async function signIn(api: ApiClient, email: string, password: string): Promise<string> {
  const answer = await api.post<{ token: string }>('/v1/sessions', { email, password });
  return expectStatus(answer, 201, 'POST /v1/sessions').body.token;
}

interface Limit {
  readonly measure: string;
  readonly window: string;
  readonly action: string;
  readonly scope: object;
}
interface Settings extends Json {
  readonly defaultRegion: string;
  readonly activityMonitoring: { readonly limits: readonly Limit[] };
}

/** Sets what the demonstration needs and keeps the rest. Answers the company's region. */
async function setSecurity({ admin, options, findings }: DemoRun): Promise<string> {
  const path = '/v1/settings/security';
  const before = expectStatus(await admin.get<Settings>(path), 200, `GET ${path}`).body;
  const limit = { measure: 'contact.opened', window: 'hour', max: CARD_LIMIT, action: 'deactivate', scope: { everyone: true } };
  const others = before.activityMonitoring.limits.filter((one) => !isInItsPlace(one, limit));
  const body = {
    ...before,
    ...(options.region === undefined ? {} : { defaultRegion: options.region }),
    hidePhones: true,
    hideEmails: true,
    activityMonitoring: { ...before.activityMonitoring, enabled: true, counting: 'distinct', limits: [...others, limit] },
  };
  const after = expectStatus(await admin.request<Settings>({ method: 'PUT', path, body }), 200, `PUT ${path}`).body;
  findings.expect(
    'security settings saved',
    after.activityMonitoring.limits.some((one) => isInItsPlace(one, limit)),
  );
  return after.defaultRegion;
}

function isInItsPlace(one: Limit, limit: Limit): boolean {
  return one.measure === limit.measure && one.window === limit.window && one.action === limit.action && 'everyone' in one.scope;
}
