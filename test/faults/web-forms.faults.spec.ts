import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { HttpClient, startSystem, type System } from '#testing';
import {
  answered,
  eventually,
  everyRow,
  freshNumber,
  made,
  outcome,
  Staff,
  unique,
  type Grants,
  type Json,
  type Made,
} from '../journeys/staff.js';
import { openBrowser } from './browser.js';

type Form = Made & { key: string; secret?: string };
type Deal = Made & { leadId: string | null; attribution?: Json };
const VIEWS: Grants = { contact: { view: 'allowed' }, deal: { view: 'allowed' } };

/** A site of somebody else's, on an origin of its own: one page, and the page after a form was sent. */
async function foreignSite(html: () => string): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(request.url?.startsWith('/thanks') === true ? '<h1>Thanks from the shop</h1>' : html());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

describe('web forms, in a real browser', () => {
  let system: System;
  let staff: Staff;
  let browser: Browser;
  let site: { url: string; server: Server };
  let html = '';

  beforeAll(async () => {
    browser = await openBrowser();
    site = await foreignSite(() => html);
    system = await startSystem();
    staff = await Staff.of(system);
  }, 400_000);
  afterAll(async () => {
    await browser?.close();
    site?.server.close();
    await system?.stop();
  });

  async function formOf(settings: Json): Promise<Form> {
    const form = (await made(
      staff.admin.post('/v1/forms', { name: unique('Form'), quarantineAfter: null, ...settings }),
    )) as Form;
    const ingest = new HttpClient(system.ingestUrl);
    await eventually(
      'the form in force',
      async () => ((await ingest.get(`/forms/${form.key}`)).status === 200 ? true : undefined),
      1_500,
    );
    return form;
  }
  async function withPage<T>(run: (page: Page) => Promise<T>): Promise<T> {
    const context = await browser.newContext({ javaScriptEnabled: html.includes('<script'), locale: 'en-GB' });
    try {
      return await run(await context.newPage());
    } finally {
      await context.close();
    }
  }
  const dealWith = (mark: string): Promise<Deal> =>
    eventually('the deal', async () => (await everyRow<Deal>(staff.admin, `/v1/deals?attribution[utm_campaign]=${mark}`))[0]);

  it('the page of a form sends without scripts, with the marks of its address, for marketing and not for managers', async () => {
    html = '';
    const [form, mark] = [await formOf({ successUrl: `${site.url}/thanks`, requireConsent: true }), unique('campaign')];
    const shown = await withPage(async (page) => {
      await page.goto(`${system.ingestUrl}/forms/${form.key}?utm_source=yandex&utm_campaign=${mark}&yclid=y1&other=x`);
      await page.fill('input[name=name]', 'A. Person');
      await page.fill('input[name=phone]', freshNumber());
      await page.check('input[name=consent]');
      await page.click('button');
      await page.waitForURL(`${site.url}/thanks`);
      return page.textContent('h1');
    });
    expect(shown).toBe('Thanks from the shop');
    const { id } = await dealWith(mark);
    const marketer = await staff.person({ grants: { ...VIEWS, attribution: { view: 'allowed' } } });
    const manager = await staff.person({ grants: VIEWS });
    const card = await answered(200, marketer.client.get<Deal>(`/v1/deals/${id}`));
    expect(card.attribution).toEqual({ utm_source: 'yandex', utm_campaign: mark, yclid: 'y1' });
    const hidden = await manager.client.get(`/v1/deals/${id}`);
    expect([hidden.status, 'attribution' in (hidden.body as Json), hidden.text.includes(mark)]).toEqual([200, false, false]);
    expect(await outcome(manager.client.get(`/v1/deals?attribution[utm_campaign]=${mark}`))).toBe('422 unknown-filter');
  });

  it('a button pressed twice sends one lead, and thanks stand on our own page', async () => {
    html = '';
    const [form, mark] = [await formOf({}), unique('campaign')];
    const text = await withPage(async (page) => {
      await page.goto(`${system.ingestUrl}/forms/${form.key}?utm_campaign=${mark}`);
      await page.fill('textarea[name=message]', 'Hello');
      await page.dblclick('button');
      await page.waitForURL(`**/v1/forms/${form.key}/leads`);
      return page.textContent('h1');
    });
    expect(text).toBe('Thank you');
    await dealWith(mark);
    const after = unique('campaign');
    await answered(
      202,
      new HttpClient(system.ingestUrl).post(`/v1/forms/${form.key}/leads`, { name: 'after', utm_campaign: after }),
    );
    await dealWith(after);
    expect(await everyRow(staff.admin, `/v1/deals?attribution[utm_campaign]=${mark}`)).toHaveLength(1);
  });

  it("another site's page sends where the form lists it, by form and by script, and nowhere else", async () => {
    const [listed, unlisted] = [await formOf({ allowedOrigins: [site.url] }), await formOf({})];
    const [byForm, byScript] = [unique('campaign'), unique('campaign')];
    const snippet = (
      form: Form,
      mark: string,
    ): string => `<form method="post" action="${system.ingestUrl}/v1/forms/${form.key}/leads">
      <input name="name" value="x"><input type="hidden" name="utm_campaign" value="${mark}"><button>Send</button></form>`;
    html = snippet(listed, byForm);
    await withPage(async (page) => {
      await page.goto(site.url);
      await page.click('button');
      await page.waitForURL(`**/v1/forms/${listed.key}/leads`);
    });
    await dealWith(byForm);
    html = '<script></script>';
    const statuses = await withPage(async (page) => {
      await page.goto(site.url);
      const send = (form: Form): Promise<number | string> =>
        page.evaluate(
          async ([url, mark]) => {
            const body = JSON.stringify({ name: 'x', utm_campaign: mark });
            const options = {
              method: 'POST',
              headers: { 'content-type': 'application/json', 'idempotency-key': String(mark) },
              body,
            };
            return fetch(String(url), options).then(
              (answer) => answer.status,
              () => 'kept from the page',
            );
          },
          [`${system.ingestUrl}/v1/forms/${form.key}/leads`, byScript],
        );
      return [await send(listed), await send(unlisted)];
    });
    expect(statuses).toEqual([202, 'kept from the page']);
    await dealWith(byScript);
    html = `<iframe sandbox="allow-forms allow-scripts" srcdoc='${snippet(listed, 'none')}'></iframe><script></script>`;
    const refused = await withPage(async (page) => {
      await page.goto(site.url);
      const answer = page.waitForResponse((response) => response.url().endsWith('/leads'));
      // Pressed, and not sent by a script at once: the browser tells of a frame's requests only once it has told of the frame.
      await page.frameLocator('iframe').locator('button').click();
      return (await answer).status();
    });
    expect(refused).toBe(403);
  });
});
