import type { SecuritySettings } from '#contracts';
import { filterFor, type Principal } from '#policy';
import { HAS_SECOND_FACTOR_SQL, liveSessionSql, UNSEEN_SQL } from '../requests/live-tokens.js';
import type { PresumedSession } from '../requests/presumed-sessions.js';
import { askedRows, PlacedValues } from './placed-values.js';
import type { RecordKind } from './record-kind.js';
import { cardColumns, filterSql, type Sql, Values } from './record-sql.js';

/** The deal's own parts: its contacts, named where the contact's own rule lets the viewer see them, and attribution where allowed. */
function dealParts(principal: Principal, values: Values): string {
  const named = filterSql(filterFor(principal, 'contact', 'view'), 'c.responsible_id', values);
  const attributed = filterSql(filterFor(principal, 'attribution', 'view'), 'r.responsible_id', values);
  return `, (SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', x.id, 'name', c.name)) ORDER BY x.n), '[]')
      FROM unnest(r.contact_ids) WITH ORDINALITY AS x(id, n)
      LEFT JOIN read.contacts AS c ON c.id = x.id AND c.deleted_at IS NULL AND ${named}) AS contacts,
    (SELECT a.values FROM read.deal_attributions AS a WHERE a.deal_id = r.id AND ${attributed}) AS attribution`;
}

/** Of a contact that a lead made: who else had its number, for those who may see all of them. `people` is a list as SQL, null for everybody. */
function contactParts(people: string): string {
  return `, CASE WHEN r.lead_id IS NULL THEN NULL ELSE read.possible_duplicates(r.lead_id, ${people}) END AS possible_duplicates`;
}

/** What a card has beside its columns, and which records the principal may see: of a contact by one list of people. */
function sightSql(kind: RecordKind, principal: Principal, values: Values): { readonly parts: string; readonly visible: string } {
  const filter = filterFor(principal, kind.type, 'view');
  if (kind.type !== 'contact') {
    const parts = kind.type === 'deal' ? dealParts(principal, values) : '';
    return { parts, visible: filterSql(filter, 'r.responsible_id', values) };
  }
  if (filter.kind !== 'responsible') {
    const everything = filter.kind === 'everything';
    return { parts: contactParts(everything ? 'NULL::uuid[]' : "'{}'::uuid[]"), visible: String(everything) };
  }
  const people = values.add(filter.userIds, 'uuid[]');
  return { parts: contactParts(people), visible: `r.responsible_id = ANY(${people})` };
}

/** SELECT of one live record that the principal may see, by its id. */
function visibleCardSql(kind: RecordKind, id: string, principal: Principal, values: Values): string {
  const { parts, visible } = sightSql(kind, principal, values);
  return `SELECT ${cardColumns(kind)}${parts} FROM ${kind.table} AS r
    WHERE r.id = ${values.add(id, 'uuid')} AND r.deleted_at IS NULL AND ${visible}`;
}

/**
 * SELECT of a record for the one who made it: within his sight, or as he made it. A right to create without one to see what was
 * created is answered with his own words once, not with what others made of them.
 */
export function madeCardSql(kind: RecordKind, id: string, principal: Principal, values: Values): string {
  const { parts, visible } = sightSql(kind, principal, values);
  return `SELECT ${cardColumns(kind)}${parts} FROM ${kind.table} AS r WHERE r.id = ${values.add(id, 'uuid')} AND r.deleted_at IS NULL
    AND (${visible} OR (r.version = 1 AND r.created_by = ${values.add(principal.userId, 'uuid')}))`;
}

/** True where no clear number or address of the card will be shown. */
function maskedSql(kind: RecordKind, principal: Principal, settings: SecuritySettings, values: Values): string {
  if (kind.type === 'deal') return 'true';
  if (!settings.hidePhones || !settings.hideEmails) return 'false';
  const phones = filterSql(filterFor(principal, 'phone', 'view'), 'card.responsible_id', values);
  return `NOT (${phones} OR ${filterSql(filterFor(principal, 'email', 'view'), 'card.responsible_id', values)})`;
}

/** A card that somebody wants to open. `gate` are the request id, session, token and address. */
export interface Opening {
  readonly kind: RecordKind;
  readonly id: string;
  readonly principal: Principal;
  readonly settings: SecuritySettings;
  readonly gate: readonly unknown[];
  /** Of a deal of the past: the contacts that it names. Absent: those of the card as it is. */
  readonly named?: readonly string[];
  /** Nothing is opened but for this session. Absent: it was looked at before. */
  readonly session?: PresumedSession;
}

/** The gate's arguments as SQL. */
interface GateWords {
  readonly viewer: string;
  readonly request: string;
  readonly session: string;
  readonly token: string;
  readonly ip: string;
}

function gateWords({ principal, gate }: Opening, values: Values): GateWords {
  const viewer = values.add(principal.userId, 'uuid');
  const [request = '', session = '', token = '', ip = ''] = ['uuid', 'uuid', 'uuid', 'text'].map((type, index) =>
    values.add(gate[index], type),
  );
  return { viewer, request, session, token, ip };
}

/**
 * Row of a session that lives, is the one presumed, and is judged by the rights of now; whether it is to be noted as used. Holds are the gate's:
 * it admits nobody who is held.
 */
function presumedSessionSql({ session }: Opening, words: GateWords, values: Values): string | undefined {
  if (session === undefined) return undefined;
  const hash = values.add(session.hash, 'bytea');
  // Found by its hash, and never among all sessions of the person.
  const owner = `(s.id = ${words.session} AND s.user_id = ${words.viewer}) IS TRUE`;
  const rights = `sec.authz_version = ${values.add(session.authzVersion, 'bigint')}`;
  const factor = `(NOT ${values.add(session.needsSecondFactor, 'boolean')} OR ${HAS_SECOND_FACTOR_SQL})`;
  return `SELECT ${UNSEEN_SQL} AS unseen FROM access.sessions AS s CROSS JOIN read.security AS sec
    WHERE ${liveSessionSql(hash)} AND ${owner} AND ${rights} AND ${factor}`;
}

/** Names that a deal shows stand in the ledger with its opening, on disk before they leave. */
function notedSql({ kind, named }: Opening, { viewer, request }: GateWords, values: Values): string {
  if (kind.type !== 'deal') return '';
  if (named !== undefined) {
    const ids = values.add(named, 'uuid[]');
    return `, CASE WHEN gate.decision = 'admitted' AND cardinality(${ids}) > 0
           THEN watch.note_named(${viewer}, ${request}, card.id, ${ids})::text END AS noted`;
  }
  const names = `ARRAY(SELECT (named->>'id')::uuid FROM jsonb_array_elements(card.contacts) AS named WHERE named ? 'name')`;
  return `, CASE WHEN gate.decision = 'admitted' AND card.contacts @? '$[*].name'
           THEN watch.note_named(${viewer}, ${request}, card.id, ${names})::text END AS noted`;
}

/**
 * Opens a card in one round trip: the gate is asked for a visible record only, and the statement's end is the commit of the
 * disclosure. No row: not visible or not there; or the session that was presumed is not what it was.
 */
export function openCardSql(opening: Opening): Sql {
  const { kind, id, principal, settings } = opening;
  const values = new Values();
  const words = gateWords(opening, values);
  const session = presumedSessionSql(opening, words, values);
  const card = visibleCardSql(kind, id, principal, values);
  const masked = maskedSql(kind, principal, settings, values);
  const noted = notedSql(opening, words, values);
  const known =
    session === undefined
      ? card
      : `SELECT session.unseen, card.* FROM (${session}) AS session CROSS JOIN LATERAL (${card}) AS card`;
  const text = `WITH card AS MATERIALIZED (${known})
    SELECT card.*, gate.decision, (SELECT authz_version FROM read.security) AS authz_version, ${masked} AS masked${noted}
    FROM card, LATERAL watch.admit(${words.viewer}, '${kind.measure}', 'card', '${kind.type}', ARRAY[card.id], ${words.request},
      ${words.session}, ${words.token}, ${words.ip}, ${masked}) AS gate`;
  return { text, values: values.list };
}

/** One opening among several: its values, and the text of the statement, which is the same for all alike. */
export interface PlacedOpening {
  readonly text: string;
  readonly placed: PlacedValues['placed'];
}

/**
 * The same for several openings in one statement and one commit: for those who see the same kind of record by the same kind of filter
 * the text is the same. A row has its `place` among them, from 1; without a decision it was left undecided. No row: not visible or not
 * there, and the gate was not asked for it.
 */
export function placedOpening(opening: Opening): PlacedOpening {
  const { kind, id, principal, settings } = opening;
  const values = new PlacedValues();
  const words = gateWords(opening, values);
  const session = presumedSessionSql(opening, words, values);
  const card = visibleCardSql(kind, id, principal, values);
  const masked = maskedSql(kind, principal, settings, values);
  const noted = notedSql(opening, words, values);
  const inOrder = (column: string): string => `array_agg(${column} ORDER BY card.n)`;
  const all = (word: string): string => `array_fill('${word}'::text, ARRAY[visible.count])`;
  // LIMIT 1 keeps one look-up by key for each.
  const [unseen, sessions] =
    session === undefined ? ['', ''] : [', session.unseen', ` CROSS JOIN LATERAL (${session} LIMIT 1) AS session`];
  const text = `card AS MATERIALIZED (
      SELECT asked.place, row_number() OVER (ORDER BY asked.place)::integer AS n, ${masked} AS masked, card.*${unseen}
      FROM asked${sessions} CROSS JOIN LATERAL (${card} LIMIT 1) AS card
    ), visible AS (
      SELECT count(*)::integer AS count, ${inOrder(words.viewer)} AS viewers, ${inOrder('card.id')} AS ids, ${inOrder('card.n')} AS ends,
        ${inOrder(words.request)} AS requests, ${inOrder(words.session)} AS sessions, ${inOrder(words.token)} AS tokens,
        ${inOrder(words.ip)} AS ips, ${inOrder('card.masked')} AS masked
      FROM card JOIN asked ON asked.place = card.place
    ), gate AS MATERIALIZED (
      SELECT answered.place, answered.request, gate.decision
      FROM visible, LATERAL watch.admit_each(viewers, ${all(kind.measure)}, ${all('card')}, ${all(kind.type)}, ids, ends,
        requests, sessions, tokens, ips, masked) AS gate, unnest(gate.places, gate.requests) AS answered(place, request)
      WHERE visible.count > 0
    )
    SELECT card.*, gate.decision, (SELECT authz_version FROM read.security) AS authz_version${noted}
    FROM card JOIN asked ON asked.place = card.place
    LEFT JOIN gate ON gate.place = card.n AND gate.request = ${words.request}`;
  return { text, placed: values.placed };
}

/** The statement for openings of one text. */
export function openCardsSql(openings: readonly PlacedOpening[]): Sql {
  const asked = askedRows(openings.map(({ placed }) => placed));
  return { text: `WITH asked AS (${asked.sql}), ${openings[0]?.text ?? ''}`, values: asked.values };
}
