import { freshEmail, freshNumber, made, newPassword, unique, type Json, type Made, type Staff } from './staff.js';

/** What a writing route needs to succeed: the ids in its path, and a body. */
export interface Writing {
  readonly body: Json;
  /** The ids in its path, by name. */
  readonly ids?: () => Promise<Readonly<Record<string, string>>>;
  /** It succeeds once for what the ids name: they are made anew each time. */
  readonly once?: true;
  /** Places that hold no text of a person, and why. */
  readonly exempt?: Readonly<Record<string, string>>;
}

/** Routes with a body that is no text of a person at all, and why. */
export const WITHOUT_TEXT: Readonly<Record<string, string>> = {
  'post-sessions': 'what is tried at sign-in is kept as HMAC',
  'post-invitations-by-token': 'a password, kept as hash',
  'put-me-password': 'passwords, kept as hash',
  'delete-me-totp': 'a password or a code',
  'post-me-totp-confirm': 'a code',
};

const SUM = { 'amount.value': 'a sum stays readable' };
const SIGN_IN = { email: 'it signs in with it', password: 'kept as hash' };

/**
 * A body that succeeds, for every route that takes one, by its operation in the OpenAPI document. A new route is added here, or the
 * journey that writes numbers into every text fails and names it.
 */
export async function writingTable(staff: Staff): Promise<Readonly<Record<string, Writing>>> {
  const { admin } = staff;
  const makeId = async (path: string, body: Json): Promise<string> => (await made(admin.post(path, body))).id;
  const contact = (): Promise<string> => makeId('/v1/contacts', { name: unique('Contact'), phones: [{ number: freshNumber() }] });
  const company = (): Promise<string> => makeId('/v1/companies', { name: unique('Company') });
  const deal = (): Promise<string> => makeId('/v1/deals', { title: unique('Deal') });
  const user = (): Promise<string> =>
    makeId('/v1/users', {
      email: `${unique('user').toLowerCase()}@palisade.test`,
      name: unique('User'),
      password: newPassword(),
    });
  const at = (make: () => Promise<string>) => async () => ({ id: await make() });
  const [textField, stages] = await Promise.all([
    makeId('/v1/custom-fields', { recordType: 'contact', name: unique('Field'), type: 'text' }),
    admin
      .get<{ items: { id: string; stages: { id: string }[] }[] }>('/v1/pipelines')
      .then(({ body }) => body.items[0]?.stages ?? []),
  ]);
  const gone = async (): Promise<string> => {
    const id = await user();
    await admin.post(`/v1/users/${id}/deactivate`, { reason: 'left the company' });
    return id;
  };
  const owner = await user();
  const points = { phones: [{ label: 'work', number: freshNumber() }], emails: [{ label: 'work', address: 'a@example.ru' }] };
  const shared = { ...points, responsibleId: owner, note: 'note', tags: ['tag'] };
  const contactBody = { name: 'Name', ...shared, customFields: { [textField]: 'text' } };
  const companyBody = { name: 'Name', ...shared, website: 'https://example.ru', address: 'Street 1' };
  const dealBody = {
    title: 'Title',
    amount: { value: '1.00', currency: 'RUB' },
    responsibleId: owner,
    note: 'note',
    tags: ['tag'],
  };
  const settings = (await admin.get('/v1/settings/security')).body;
  const list = { enabled: false, exemptAdmins: true, entries: [{ cidr: '10.0.0.0/8', note: 'office' }] };
  const form = {
    name: 'Form',
    titleTemplate: 'Lead',
    allowedOrigins: ['https://example.ru'],
    successUrl: 'https://example.ru/thanks',
  };
  const reason = { reason: 'because it is so' };
  return {
    'post-access-explain': { body: { userId: owner, action: 'view', recordType: 'contact', recordId: await contact() } },
    'post-api-tokens': { body: { name: 'Token', scopes: ['contacts:read'] } },
    'post-contacts': { body: contactBody },
    'patch-contacts-by-id': { body: contactBody, ids: at(contact) },
    'post-companies': { body: companyBody },
    'patch-companies-by-id': { body: companyBody, ids: at(company) },
    'post-deals': { body: dealBody, exempt: SUM },
    'patch-deals-by-id': { body: dealBody, ids: at(deal), exempt: SUM },
    'post-contacts-by-id-assign': { body: { responsibleId: owner }, ids: at(contact) },
    'post-companies-by-id-assign': { body: { responsibleId: owner }, ids: at(company) },
    'post-deals-by-id-assign': { body: { responsibleId: owner }, ids: at(deal) },
    'post-contacts-by-id-erase': { body: { ...reason, requestRef: 'request 1' }, ids: at(contact), once: true },
    'post-deals-by-id-lose': { body: reason, ids: at(deal), once: true },
    'post-deals-by-id-move': { body: { stageId: stages[1]?.id }, ids: at(deal) },
    'post-custom-fields': { body: { recordType: 'deal', name: 'Field', type: 'choice', choices: ['red', 'blue'] } },
    'post-departments': { body: { name: 'Department' } },
    'patch-departments-by-id': { body: { name: 'Department' }, ids: at(() => staff.department()) },
    'put-departments-by-id-roles': { body: { roleIds: [] }, ids: at(() => staff.department()) },
    'post-exports': { body: { type: 'contacts', filter: { q: 'name' }, format: 'csv' } },
    'post-forms': { body: form },
    'patch-forms-by-id': { body: form, ids: at(() => makeId('/v1/forms', { name: unique('Form') })) },
    'post-pipelines': { body: { name: 'Pipeline', stages: [{ name: 'Stage' }] } },
    'patch-pipelines-by-id': {
      body: { name: 'Pipeline' },
      ids: at(() => makeId('/v1/pipelines', { name: unique('Pipeline'), stages: [{ name: 'Stage' }] })),
    },
    'post-roles': { body: { name: 'Role', grants: {} } },
    'patch-roles-by-id': { body: { name: 'Role' }, ids: at(() => staff.role({})) },
    'put-settings-security': { body: { ...settings, ipAllowList: list } },
    'post-users': {
      body: { email: 'user@palisade.test', name: 'User', password: newPassword() },
      exempt: SIGN_IN,
    },
    'patch-users-by-id': { body: { name: 'User' }, ids: at(user), exempt: SIGN_IN },
    'post-users-by-id-deactivate': { body: reason, ids: at(user), once: true },
    'post-users-by-id-reactivate': { body: reason, ids: at(gone), once: true },
    'post-users-by-id-rewind': { body: { since: new Date().toISOString(), dryRun: true }, ids: at(user) },
    'post-webhooks': { body: { url: 'https://hooks.invalid/alarms', types: ['mass.deletion'] } },
    ...contactPoints(staff),
  };
}

/** Where numbers themselves are asked about. */
function contactPoints(staff: Staff): Readonly<Record<string, Writing>> {
  const ids = (route: 'contacts' | 'companies', part: 'phone' | 'email') => async (): Promise<Record<string, string>> => {
    const points = { phones: [{ number: freshNumber() }], emails: [{ address: freshEmail() }] };
    const { id, phones, emails } = await made(staff.admin.post(`/v1/${route}`, { name: unique('Record'), ...points }));
    const [point] = (part === 'phone' ? phones : emails) as Made[];
    return { id, [`${part}Id`]: point?.id ?? '' };
  };
  const reveals = (['contacts', 'companies'] as const).flatMap((route) =>
    (['phone', 'email'] as const).map((part): [string, Writing] => [
      `post-${route}-by-id-${part}s-by-${part}Id-reveal`,
      { body: { reason: 'because it is so' }, ids: ids(route, part) },
    ]),
  );
  return {
    ...Object.fromEntries(reveals),
    'post-lookups-phone': { body: { number: freshNumber() } },
    'post-telephony-incoming': { body: { number: freshNumber() } },
  };
}
