/** The four NATS users: one per service. */
export const NATS_USERS = ['core', 'gateway', 'monitor', 'ingest'] as const;
export type NatsUser = (typeof NATS_USERS)[number];

/** What one user may do on the broker. What is not listed is refused. */
export interface NatsPermissions {
  readonly publish: readonly string[];
  /** Taken out of what `publish` allows. */
  readonly neverPublish?: readonly string[];
  readonly subscribe: readonly string[];
  /**
   * One reply to each request received, on whatever subject the asker named, within so many seconds: no right to publish to anybody's inbox
   * otherwise. Null: none. The broker remembers each message that names a subject for replies for so long, those of streams too, and
   * looks through all of them at each message once they are more than 4,096 (nats-server 2.9, `pruneReplyPerms`): so no longer than
   * anybody waits for an answer, and hardly at all for who reads a stream that never rests.
   */
  readonly repliesWithinSeconds: number | null;
}

/** The longest that a gateway waits for core, for the plan of a rewind. A second more, for the way. */
const SLOWEST_COMMAND_S = 31;
/**
 * For gateways of another version, which want the monitor's answers in an inbox of their own: a quick answer reaches them. So short that up to
 * 4,000 views a second are never looked through.
 */
const QUICK_QUERY_S = 1;

/** Who carry cut-offs out, by the names of their consumers: what one of them confirms is not given to the other instances any more. */
const CORES_CONSUMER = 'core-deactivations';
const GATEWAYS_CONSUMER = 'gateway-cutoffs';

/** The inbox prefix a client of this user sets; replies to others' requests cannot be listened to. */
export function inboxPrefix(user: NatsUser): string {
  return `_INBOX_${user}`;
}

/** The one table of subjects; the generated configuration and the tests both read it. */
export const NATS_PERMISSIONS: Readonly<Record<NatsUser, NatsPermissions>> = {
  core: {
    // Core provisions the streams, so it alone has the whole JetStream API.
    publish: [
      'crm.event.>',
      'lead.>',
      'forms.>',
      'access.cutoff.applied',
      'access.heartbeat.crm-core',
      '$JS.API.>',
      '$JS.ACK.>',
      '$JS.FC.>',
    ],
    // Facts of erasures go to the other cores too: destroyed keys leave their memory.
    subscribe: [
      ...['crm.command.*', 'crm.query.*', 'lead.forms', 'lead.committed', 'access.>', `${inboxPrefix('core')}.>`],
      ...['crm.event.ContactErased', 'crm.event.DealErased', 'crm.event.LeadErased', 'crm.event.RevealErased'],
    ],
    repliesWithinSeconds: SLOWEST_COMMAND_S,
  },
  gateway: {
    publish: [
      'crm.command.*',
      'crm.query.*',
      'monitor.query.*',
      'watch.event.>',
      'access.cutoff.applied',
      'access.heartbeat.access-gateway',
      ...streamReading(),
      ...['ACCESS', 'ALARMS', 'CRM'].flatMap(consuming),
    ],
    neverPublish: reachingConsumer('ACCESS', CORES_CONSUMER),
    subscribe: [`${inboxPrefix('gateway')}.>`, 'access.heartbeat.>'],
    repliesWithinSeconds: null,
  },
  monitor: {
    // It answers into a place of the gateways' inboxes that is nobody else's, whenever it likes: no reply of core's can be made there.
    publish: [
      ...['access.user.deactivated', 'alarm.>', `${inboxPrefix('gateway')}.monitor.*`],
      ...[...streamReading(), ...['WATCH', 'ACCESS', 'CRM'].flatMap(consuming)],
    ],
    neverPublish: [CORES_CONSUMER, GATEWAYS_CONSUMER].flatMap((consumer) => reachingConsumer('ACCESS', consumer)),
    subscribe: ['monitor.query.*', 'access.heartbeat.>', `${inboxPrefix('monitor')}.>`],
    repliesWithinSeconds: QUICK_QUERY_S,
  },
  ingest: {
    publish: ['lead.received.*', 'lead.forms', 'lead.committed'],
    subscribe: ['forms.changed', `${inboxPrefix('ingest')}.>`],
    repliesWithinSeconds: null,
  },
};

/** Looking at streams without changing them. */
function streamReading(): readonly string[] {
  return ['$JS.API.INFO', '$JS.API.STREAM.INFO.*', '$JS.API.STREAM.NAMES', '$JS.FC.>'];
}

/** Making, asking and acknowledging consumers of one stream; the subjects of nats-server 2.9 and later. */
function consuming(stream: string): readonly string[] {
  return [
    `$JS.API.CONSUMER.CREATE.${stream}`,
    `$JS.API.CONSUMER.CREATE.${stream}.>`,
    `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.>`,
    `$JS.API.CONSUMER.INFO.${stream}.>`,
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.>`,
    `$JS.API.CONSUMER.DELETE.${stream}.>`,
    `$JS.ACK.${stream}.>`,
  ];
}

/** Making, dropping, asking and confirming in the place of whose consumer it is. */
function reachingConsumer(stream: string, consumer: string): readonly string[] {
  const named = `${stream}.${consumer}`;
  return [
    `$JS.API.CONSUMER.CREATE.${named}`,
    `$JS.API.CONSUMER.CREATE.${named}.>`,
    `$JS.API.CONSUMER.DURABLE.CREATE.${named}`,
    `$JS.API.CONSUMER.MSG.NEXT.${named}`,
    `$JS.API.CONSUMER.DELETE.${named}`,
    `$JS.ACK.${named}.>`,
  ];
}
