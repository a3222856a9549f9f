import type { FormFormat } from '#contracts';
import { readBody } from '../lead.body.js';
import { leadOf } from '../lead.reading.js';
import { bodyFrom } from './index.js';

const NOW = new Date('2026-11-26T12:00:00.000Z');
const context = { requireConsent: false, ip: '192.0.2.7', receivedAt: NOW.toISOString(), isFlat: false };

async function read(format: Exclude<FormFormat, 'palisade'>, body: string | object) {
  const isForm = typeof body === 'string';
  const type = isForm ? 'application/x-www-form-urlencoded' : 'application/json';
  const parsed = await readBody(Buffer.from(isForm ? body : JSON.stringify(body)), type);
  const mapped = bodyFrom(format, parsed, NOW);
  if (mapped === 'probe') return mapped;
  const { lead, submissionId } = leadOf(mapped, context);
  const { ip: _ip, ...rest } = lead.expose();
  return { ...rest, submissionId };
}
const form = (fields: Record<string, string>): string => new URLSearchParams(fields).toString();

describe('what Tilda sends', () => {
  it('is a lead, with the marks of its cookies', async () => {
    const body = form({
      ...{ Name: 'Иван', Phone: '+7 (900) 000-00-00', Email: 'a@example.test', Textarea: 'Вопрос', Checkbox: 'yes' },
      ...{
        tranid: '1234567:89012345',
        formid: 'form123456',
        formname: 'Заявка',
        utm_source: 'yandex',
        'payment[amount]': '1500',
      },
      COOKIES: '_ym_uid=1700000000; TILDAUTM=utm_medium%3Dcpc%7C%7C%7Cutm_campaign%3Dautumn; PHPSESSID=secret; roistat_visit=55',
    });
    expect(await read('tilda', body)).toEqual({
      ...{ name: 'Иван', phone: '+7 (900) 000-00-00', email: 'a@example.test', message: 'Вопрос' },
      attribution: {
        ...{ utm_source: 'yandex', utm_medium: 'cpc', utm_campaign: 'autumn', _ym_uid: '1700000000', roistat: '55' },
        ...{
          'custom.Checkbox': 'yes',
          'custom.formid': 'form123456',
          'custom.formname': 'Заявка',
          'custom.payment.amount': '1500',
        },
      },
      submissionId: '1234567:89012345',
    });
  });

  it('when a webhook is added is a probe', async () => {
    expect(await read('tilda', 'test=test')).toBe('probe');
    expect(await read('tilda', 'test=test&Name=x')).toMatchObject({ name: 'x' });
  });

  it('agrees to a text by a field of that name', async () => {
    expect(await read('tilda', 'Name=x&consent=pd-1')).toMatchObject({ consent: { textId: 'pd-1', givenAt: NOW.toISOString() } });
  });
});

describe('what is sent to Bitrix24', () => {
  it('by an import form is a lead, without the credentials', async () => {
    const body = form({
      ...{ LOGIN: 'bot@example.test', PASSWORD: 'planted-password', TITLE: 'Заявка', NAME: 'Иван', LAST_NAME: 'Петров' },
      ...{ PHONE_MOBILE: '+79000000000', PHONE_WORK: '+79000000001', EMAIL_WORK: 'a@example.test', COMMENTS: 'Вопрос' },
      ...{ COMPANY_TITLE: 'Ромашка', UTM_SOURCE: 'yandex', SOURCE_ID: 'WEB', ASSIGNED_BY_ID: '6', UF_CRM_1: 'x' },
    });
    expect(await read('bitrix24', body)).toEqual({
      ...{ name: 'Иван Петров', phone: '+79000000000', email: 'a@example.test', message: 'Вопрос' },
      ...{ company: 'Ромашка', title: 'Заявка', submissionId: null },
      attribution: {
        ...{ utm_source: 'yandex', 'custom.PHONE_WORK': '+79000000001', 'custom.SOURCE_ID': 'WEB' },
        ...{ 'custom.ASSIGNED_BY_ID': '6', 'custom.UF_CRM_1': 'x' },
      },
    });
  });

  it.each([
    ['a form', form({
      ...{ 'fields[TITLE]': 'Заявка', 'fields[NAME]': 'Иван', 'fields[PHONE][n0][VALUE]': '+79000000000' },
      ...{ 'fields[PHONE][n0][VALUE_TYPE]': 'WORK', 'fields[UTM_SOURCE]': 'yandex', 'params[REGISTER_SONET_EVENT]': 'Y' },
    })],
    ['JSON', {
      fields: { TITLE: 'Заявка', NAME: 'Иван', PHONE: [{ VALUE: '+79000000000', VALUE_TYPE: 'WORK' }], UTM_SOURCE: 'yandex' },
      params: { REGISTER_SONET_EVENT: 'Y' },
    }],
  ])('as crm.lead.add in %s is a lead', async (_, body) => {
    expect(await read('bitrix24', body)).toEqual({
      ...{ name: 'Иван', phone: '+79000000000', title: 'Заявка', submissionId: null, attribution: { utm_source: 'yandex' } },
    });
  }); // prettier-ignore
});

describe('what is sent to amoCRM', () => {
  it('by its form is a lead, with the marks of the page it stood on', async () => {
    const body = form({
      ...{ 'fields[name_1]': 'Иван', 'fields[581821_1][521181]': '+79000000000', 'fields[581823_1][521193]': 'a@example.test' },
      ...{ 'fields[note_2]': 'Вопрос', 'fields[name_2]': 'Заявка', 'fields[656491_1]': '@ivan', form_id: '1', hash: 'h' },
      user_origin: JSON.stringify({ datetime: 'x', timezone: 'y', referer: 'https://shop.example/p?utm_source=vk&x=1' }),
    });
    expect(await read('amocrm', body)).toEqual({
      ...{ name: 'Иван', phone: '+79000000000', email: 'a@example.test', message: 'Вопрос', title: 'Заявка', submissionId: null },
      attribution: {
        ...{ utm_source: 'vk', referrer: 'https://shop.example/p?utm_source=vk&x=1' },
        ...{ 'custom.fields.656491_1': '@ivan', 'custom.form_id': '1', 'custom.hash': 'h' },
      },
    });
  });

  it('as leads/complex is a lead', async () => {
    const coded = (field_code: string, value: string) => ({ field_code, values: [{ value }] });
    const lead = {
      name: 'Заявка с сайта',
      pipeline_id: 5,
      custom_fields_values: [coded('UTM_SOURCE', 'yandex'), { field_id: 7, values: [{ value: 'red' }] }],
      _embedded: {
        metadata: { category: 'forms', form_page: 'shop.example', referer: 'https://shop.example/' },
        contacts: [
          {
            first_name: 'Иван',
            last_name: 'Петров',
            custom_fields_values: [coded('PHONE', '+79000000000'), coded('EMAIL', 'a@example.test')],
          },
        ],
        companies: [{ name: 'Ромашка' }],
      },
    };
    const taken = await read('amocrm', [lead]);
    expect(taken).toMatchObject({
      ...{ name: 'Иван Петров', phone: '+79000000000', email: 'a@example.test', company: 'Ромашка', title: 'Заявка с сайта' },
      attribution: { utm_source: 'yandex', referrer: 'https://shop.example/', landingPage: 'shop.example' },
    });
  });
});

describe('what a source says too much of', () => {
  it.each(['tilda', 'bitrix24', 'amocrm'] as const)('is cut by %s, and the lead is taken', async (format) => {
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`field${n}`, 'v'.repeat(200)]));
    const names = { tilda: 'Name', bitrix24: 'NAME', amocrm: 'fields[name_1]' };
    const taken = await read(
      format,
      form({ [names[format]]: 'n'.repeat(300), utm_source: 'u'.repeat(2_000), __proto__x: 'y', ...many }),
    );
    if (taken === 'probe') throw new Error('a probe');
    expect(taken.name).toHaveLength(200);
    expect(taken.attribution['utm_source']).toHaveLength(1_024);
    expect(Object.keys(taken.attribution)).toHaveLength(100);
  });
});
