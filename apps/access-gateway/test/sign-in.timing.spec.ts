import { hash } from '@node-rs/argon2';
import { randomInt } from 'node:crypto';
import { isolatedBroker, testDatabase, type IsolatedBroker, type TestDatabase } from '#testing';
import { PASSWORD_COST } from '../src/accounts/password-hasher.js';
import { GatewayFixture, PASSWORD, type Answer } from './gateway-fixture.js';

const ATTEMPTS = 1_000;
/** The throttle takes 20 failures of an account and of an address: ten of each leave it at rest. */
const EACH = 10;
const TOLERANCE = 0.05;
const KINDS = ['unknown e-mail', 'wrong password', 'deactivated'] as const;
type Kind = (typeof KINDS)[number];

/** Its own command (npm run test:timing): it takes minutes and wants a machine that does little else. */
describe('a sign-in that fails', () => {
  let database: TestDatabase;
  let broker: IsolatedBroker;
  let fixture: GatewayFixture;
  let emails: Record<Kind, string[]>;

  beforeAll(async () => {
    database = await testDatabase();
    broker = await isolatedBroker();
    fixture = await GatewayFixture.start({ database, broker });
    await fixture.gateway();
    emails = {
      'unknown e-mail': Array.from({ length: ATTEMPTS / EACH }, (_, index) => `nobody-${index}-${'x'.repeat(30)}@example.test`),
      'wrong password': await people(),
      deactivated: await people(`'deactivated'`),
    };
    const passwordHash = await hash(PASSWORD, PASSWORD_COST);
    await fixture.own.query('UPDATE access.credentials SET password_hash = $1', [passwordHash]);
    await fixture.settings((settings) => ({
      ...settings,
      ipAllowList: { enabled: true, exemptAdmins: true, entries: [{ cidr: '127.10.0.0/16', note: '' }] },
    }));
  });
  afterAll(async () => {
    await fixture.stop();
    await Promise.all([broker.remove(), database.drop()]);
  });

  async function people(status = `'active'`): Promise<string[]> {
    const made: string[] = [];
    for (let index = 0; index < ATTEMPTS / EACH; index += 1) made.push((await fixture.person()).email);
    await fixture.core.query(
      `UPDATE read.principals SET status = ${status} WHERE user_id IN (SELECT id FROM read.users WHERE email = ANY($1))`,
      [made],
    );
    return made;
  }

  /** The account goes by the round, the address by the number of what was sent from its network. */
  function attempt(email: string | undefined, network: number, sent: number, password = 'a wrong password'): Promise<Answer> {
    const address = Math.floor(sent / EACH);
    const from = `127.${network}.${Math.floor(address / 200)}.${(address % 200) + 1}`;
    return fixture.call('POST', '/v1/sessions', { from, body: { email, password } });
  }
  const emailOf = (kind: Kind, round: number): string | undefined => emails[kind][round % emails[kind].length];

  it(`takes as long whatever is wrong, and looks the same, ${ATTEMPTS} times each`, async () => {
    const times: Record<Kind, number[]> = { 'unknown e-mail': [], 'wrong password': [], deactivated: [] };
    const looks = new Set<string>();
    let sent = 0;
    for (let round = 0; round < ATTEMPTS; round += 1) {
      for (const kind of shuffled(KINDS)) {
        const start = performance.now();
        const answer = await attempt(emailOf(kind, round), 10, sent++);
        times[kind].push(performance.now() - start);
        looks.add(lookOf(answer));
      }
    }
    const medians = KINDS.map((kind) => median(times[kind]));
    process.stdout.write(`medians (ms): ${KINDS.map((kind, index) => `${kind} ${medians[index]?.toFixed(2)}`).join(', ')}\n`);
    expect(looks.size).toBe(1);
    expect([...looks][0]).toContain('invalid-credentials');
    expect(Math.max(...medians) / Math.min(...medians)).toBeLessThan(1 + TOLERANCE);
  }, 1_200_000);

  it('looks the same from a refused address, with the right password too', async () => {
    const looks = new Set<string>();
    let sent = 0;
    for (let round = 0; round < 30; round += 1) {
      for (const kind of KINDS) {
        looks.add(lookOf(await attempt(emailOf(kind, round), 11, sent++)));
        looks.add(lookOf(await attempt(emailOf(kind, round), 11, sent++, PASSWORD)));
      }
    }
    expect(looks.size).toBe(1);
    expect([...looks][0]).toContain('ip-not-allowed');
  }, 120_000);
});

function lookOf({ status, headers, body }: Answer): string {
  return JSON.stringify({ status, headers: { ...headers, date: '', 'x-request-id': '' }, body: { ...body, requestId: '' } });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Fisher and Yates: what the machine does meanwhile hits all kinds alike. */
function shuffled<T>(values: readonly T[]): T[] {
  const order = [...values];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = randomInt(last + 1);
    [order[last], order[other]] = [order[other] as T, order[last] as T];
  }
  return order;
}
