import { STREAMS, SUBJECTS } from '#contracts';
import { NATS_PERMISSIONS, NATS_USERS, type NatsUser } from './nats-permissions.js';

/** NATS' own rule: `*` is one token, `>` one or more at the end. */
function matches(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.');
  const given = subject.split('.');
  const rest = wanted.indexOf('>');
  if (rest >= 0)
    return given.length > rest && wanted.slice(0, rest).every((token, index) => token === '*' || token === given[index]);
  return wanted.length === given.length && wanted.every((token, index) => token === '*' || token === given[index]);
}

const mayPublish = (user: NatsUser, subject: string) =>
  NATS_PERMISSIONS[user].publish.some((pattern) => matches(pattern, subject)) &&
  !(NATS_PERMISSIONS[user].neverPublish ?? []).some((pattern) => matches(pattern, subject));
const maySubscribe = (user: NatsUser, subject: string) =>
  NATS_PERMISSIONS[user].subscribe.some((pattern) => matches(pattern, subject));
const publishers = (subject: string) => NATS_USERS.filter((user) => mayPublish(user, subject));

describe('NATS permissions', () => {
  it.each<[string, string, NatsUser[]]>([
    ['a command', SUBJECTS.command('CreateContact'), ['gateway']],
    ['a query', SUBJECTS.query('ContactPoints'), ['gateway']],
    ['a fact of the log', SUBJECTS.crmEvent('ContactCreated'), ['core']],
    ['what was watched', SUBJECTS.watchEvent(17, 'card.viewed'), ['gateway']],
    ['a cut-off', SUBJECTS.userDeactivated, ['monitor']],
    ['its confirmation', SUBJECTS.cutoffApplied, ['core', 'gateway']],
    ['an answer of the monitor', `${SUBJECTS.monitorAnswers}.x`, ['monitor']],
    ['an alarm', SUBJECTS.alarm('limit-reached'), ['monitor']],
    ['a changed form', SUBJECTS.formsChanged, ['core']],
    ['a stream’s creation', '$JS.API.STREAM.CREATE.CRM', ['core']],
    ['a stream’s deletion', '$JS.API.STREAM.DELETE.ACCESS', ['core']],
    ['a stream’s purge', '$JS.API.STREAM.PURGE.WATCH', ['core']],
  ])('%s is published by the right ones only', (_what, subject, expected) => {
    expect(publishers(subject)).toEqual(expected);
  });

  it('lets ingest publish leads and ask core, and nothing else', () => {
    expect(NATS_PERMISSIONS.ingest.publish.toSorted()).toEqual(['lead.committed', 'lead.forms', 'lead.received.*']);
    expect(NATS_PERMISSIONS.ingest.repliesWithinSeconds).toBeNull();
  });

  it('lets nobody but its owner take, confirm or drop what carries a cut-off out', () => {
    const owners = { 'core-deactivations': ['core'], 'gateway-cutoffs': ['core', 'gateway'] };
    for (const [consumer, expected] of Object.entries(owners)) {
      const named = `${STREAMS.access.name}.${consumer}`;
      const verbs = ['MSG.NEXT', 'DELETE', 'DURABLE.CREATE', 'CREATE'].map((verb) => `$JS.API.CONSUMER.${verb}.${named}`);
      for (const subject of [
        ...verbs,
        `$JS.API.CONSUMER.CREATE.${named}.${SUBJECTS.userDeactivated}`,
        `$JS.ACK.${named}.1.1.1.1.1`,
      ])
        expect(publishers(subject)).toEqual(expected);
    }
  });

  it('lets nobody but core read leads', () => {
    for (const user of ['gateway', 'monitor', 'ingest'] as const) {
      expect(mayPublish(user, `$JS.API.CONSUMER.CREATE.${STREAMS.leads.name}`)).toBe(false);
      expect(maySubscribe(user, SUBJECTS.leadReceived('x'))).toBe(false);
    }
  });

  it('remembers for replies what the monitor reads for a second only, and lets it answer without', () => {
    expect(NATS_PERMISSIONS.monitor.repliesWithinSeconds).toBe(1);
    expect(publishers(`${SUBJECTS.monitorAnswers}.x`)).toEqual(['monitor']);
    expect(mayPublish('monitor', `$JS.API.CONSUMER.CREATE.${STREAMS.watch.name}`)).toBe(true);
  });

  it('gives each its own inbox and nobody another’s', () => {
    for (const user of NATS_USERS) {
      for (const other of NATS_USERS) expect(maySubscribe(user, `_INBOX_${other}.reply`)).toBe(user === other);
      expect(maySubscribe(user, '_INBOX.reply')).toBe(false);
      expect(publishers(`_INBOX_${user}.reply`)).toEqual([]);
    }
  });
});
