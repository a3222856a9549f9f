import { DomainError, refuse } from '#kernel';
import {
  cardAtContext,
  contactPointsContext,
  historyContext,
  type CardAt,
  type ClearPoint,
  type ContactPointsQuery,
  type ContactPointsReply,
  type RecordHistory,
} from '#contracts';
import { filterFor, mayAtAll } from '#policy';
import { openEnvelope, type ReceiverKeys } from '#privacy';
import type { CoreClient } from '../core/core-client.js';
import type { GatewayDatabase } from '../database/gateway-database.js';
import { pageOf, type Page } from '../http/index.js';
import type { WatchRelay } from '../relay/watch-relay.js';
import type { Presumption } from '../requests/presumed-sessions.js';
import type { Who } from '../requests/request-context.js';
import type { Opening } from './card-sql.js';
import { gateOf, gateValues, requireAdmitted, requireSameRights, type Admission } from './gate.js';
import { cursorKeys, type ListRequest } from './list-request.js';
import { MadeCards } from './made-cards.js';
import { OpenedCards } from './opened-cards.js';
import { Openings } from './openings.js';
import type { RecordKind } from './record-kind.js';
import { countSql, filterSql, listSql, Values, type ListFilters, type Sql } from './record-sql.js';
import { searchRows } from './search-rows.js';
import { statementName } from './statement-names.js';
import { ViewerTurns } from './viewer-turns.js';
import { shownCard, shownRow, type CardParts, type RecordRow } from './shown-records.js';

interface CardRow extends RecordRow {
  readonly contacts?: CardParts['contacts'];
  readonly attribution?: Readonly<Record<string, string>> | null;
  readonly possible_duplicates?: readonly string[] | null;
}
type OpenedRow = CardRow & Admission & { readonly masked: boolean; readonly unseen?: boolean };
type ListedRow = RecordRow & { readonly sort_key: string };

export interface ShownCard {
  readonly body: Record<string, unknown>;
  readonly version: number;
}
type NamedContacts = NonNullable<CardParts['contacts']>;
/** A question about the past of a record to core. */
interface Past<Told> {
  readonly query: string;
  readonly asked: object;
  readonly context: (requestId: string) => string;
  /** The contacts that a told card of a deal names, for the ledger. */
  readonly named?: (told: Told) => readonly string[] | undefined;
}
export type ListPage = Page<Record<string, unknown>> & { readonly count?: number };

/** Reading records: lists and openings, each through policy and gate. */
export class Records {
  private readonly turns: ViewerTurns;
  private readonly openings: Openings<OpenedRow>;
  private readonly madeCards: MadeCards<CardRow>;
  private readonly gate: ReturnType<typeof gateOf>;
  private readonly atOnce = new OpenedCards<OpenedRow>();

  constructor(
    private readonly database: GatewayDatabase,
    private readonly core: CoreClient,
    private readonly relay: WatchRelay,
    private readonly receiver: ReceiverKeys,
  ) {
    this.turns = new ViewerTurns(database.answerWithinMs);
    this.openings = new Openings<OpenedRow>(({ text, values }) =>
      database.promptly<OpenedRow & Record<string, unknown>>(statementName(text), text, values),
    );
    this.madeCards = new MadeCards<CardRow>((sql) => this.run<CardRow>(sql));
    this.gate = gateOf(database);
  }

  /**
   * Opens a card: recorded and counted before it is returned. Throws `not-found` (not counted), or as `requireAdmitted`.
   */
  open(kind: RecordKind, who: Who, id: string): Promise<ShownCard> {
    // It had its turn, and is counted: nothing is waited for any more.
    const opened = this.atOnce.take(who, kind, id);
    if (opened !== undefined) return this.shown(kind, who, id, opened);
    const until = performance.now() + this.database.answerWithinMs;
    return this.turns.run(who.principal.userId, () => this.openInTurn(kind, who, id, until));
  }

  /**
   * Opens the card for `open` in the one statement that also looks at the session, if both are as presumed. Null when nothing was opened:
   * because of the session, because the record is not visible, or because it is not this person's turn. Else whether the session is to be noted as
   * used. Throws what the database threw.
   */
  async openAtOnce(kind: RecordKind, { who, session }: Presumption, id: string): Promise<{ readonly isUnseen: boolean } | null> {
    const { userId } = who.principal;
    // Who would have to wait is looked at first: an ended session is told at once, however busy its owner is.
    if (!this.turns.isFree(userId)) return null;
    const opening = { ...openingOf(kind, who, id), session };
    const row = await this.turns.run(userId, () => this.openings.open(opening, this.database.answerWithinMs));
    if (row === undefined) return null;
    this.atOnce.keep(who, kind, id, row);
    return { isUnseen: row.unseen === true };
  }

  /**
   * The card as it was at a moment (ISO 8601 with zone), by the rights of now: core tells it, and it is recorded and counted as an
   * opening before it is returned. Throws as `open`; `not-found` also when the record was not there then; `erased`.
   */
  openAt(kind: RecordKind, who: Who, id: string, at: string): Promise<ShownCard> {
    return this.turns.run(who.principal.userId, async () => {
      const card = await this.tellPast<CardAt>(kind, who, id, {
        query: 'CardAt',
        asked: { at },
        context: cardAtContext,
        named: namedAt,
      });
      const { contacts, attribution, clear } = card;
      const row = card.row as unknown as RecordRow;
      const parts = { clear, ...(contacts && { contacts }), ...(attribution && { attribution }) };
      return { body: shownCard(row, parts), version: row.version };
    });
  }

  /** What happened to a record, newest first, with values masked as the viewer's card is. Counts as an opening. Throws as `openAt`. */
  history(kind: RecordKind, who: Who, id: string, page: { limit: number; before: number | null }): Promise<RecordHistory> {
    return this.turns.run(who.principal.userId, () =>
      this.tellPast<RecordHistory>(kind, who, id, { query: 'History', asked: page, context: historyContext }),
    );
  }

  /**
   * Asks core, which alone can read the log, and only then the gate: what core refuses is not counted, and what it told leaves only
   * after the disclosure is on disk.
   */
  private async tellPast<Told>(
    kind: RecordKind,
    who: Who,
    id: string,
    { query, asked, context, named }: Past<Told>,
  ): Promise<Told> {
    if (who.held) refuse('view-limit-reached');
    const told = await this.core.query<{ ok: true; sealed: string }>(query, {
      ...{ requestId: who.requestId, caller: who.caller, recordType: kind.type, recordId: id },
      ...{ replyJwk: { ...this.receiver.publicJwk }, ...asked },
    });
    const plain = await openEnvelope(this.receiver.privateKey, told.sealed, context(who.requestId));
    const past = JSON.parse(Buffer.from(plain).toString('utf8')) as Told;
    const names = named?.(past);
    const opening = { ...openingOf(kind, who, id), ...(names && { named: names }) };
    const row = await this.openings.open(opening, this.database.answerWithinMs);
    if (row === undefined) return this.refuseUnseen(kind, who, id);
    this.hurryRefusals(row);
    requireAdmitted(who, row);
    return past;
  }

  private async openInTurn(kind: RecordKind, who: Who, id: string, until: number): Promise<ShownCard> {
    const row = await this.openings.open(openingOf(kind, who, id), until - performance.now());
    return row === undefined ? this.refuseUnseen(kind, who, id) : this.shown(kind, who, id, row);
  }

  /** Throws as `requireAdmitted`. */
  private async shown(kind: RecordKind, who: Who, id: string, row: OpenedRow): Promise<ShownCard> {
    this.hurryRefusals(row);
    requireAdmitted(who, row);
    const parts = row.masked ? {} : await this.clearPoints(kind, who, id);
    return { body: shownCard(row, { ...partsOf(row), ...parts }), version: row.version };
  }

  /**
   * The card of a record that this request has made at this version, masked, without an opening. What others have made of it since is told to a
   * repeated request by an opening only: recorded and counted, and refused as one. Throws `not-found` on a repeated request whose record has
   * changed since and is out of sight now.
   */
  async made(kind: RecordKind, who: Who, { id, version }: { id: string; version: number }): Promise<ShownCard> {
    const row = await this.madeCards.find(kind, id, who.principal);
    if (row === undefined) return refuse('not-found');
    if (row.version !== version) return this.open(kind, who, id);
    const contacts = row.contacts && (await this.namedAsRows(who, row.contacts));
    return { body: shownCard(row, partsOf({ ...row, ...(contacts && { contacts }) })), version };
  }

  /**
   * Contacts as a deal names them that was just made. It is no opening of the deal, but the names are shown: they pass the gate as rows of a list
   * do, and stay away when it refuses them. The deal is made all the same.
   */
  private async namedAsRows(who: Who, contacts: NamedContacts): Promise<NamedContacts> {
    const named = contacts.flatMap(({ id, name }) => (name === undefined ? [] : [id]));
    if (named.length === 0) return contacts;
    const { requestId: request, sessionId: session, tokenId: token, ip } = who;
    const admission = await this.gate.ask({
      ...{ viewer: who.principal.userId, measure: 'list.rows', kind: 'row', subjectType: 'contact', subjects: named },
      ...{ request, session, token, ip, masked: true },
    });
    this.hurryRefusals(admission);
    const isAdmitted = admission.decision === 'admitted' && admission.authz_version === who.authorization.authzVersion;
    return isAdmitted ? contacts : contacts.map(({ id }) => ({ id }));
  }

  /** One page, counted as rows before it is returned and refused whole when it would exceed a limit. */
  list(kind: RecordKind, who: Who, request: ListRequest): Promise<ListPage> {
    return this.turns.run(who.principal.userId, () => this.listInTurn(kind, who, request));
  }

  private async listInTurn(kind: RecordKind, who: Who, request: ListRequest): Promise<ListPage> {
    if (Object.keys(request.attribution).length > 0 && !mayAtAll(who.principal, 'attribution', 'view')) refuse('unknown-filter');
    const filters: ListFilters = {
      records: (request.deleted ? (['view', 'restore'] as const) : (['view'] as const)).map((action) =>
        filterFor(who.principal, kind.type, action),
      ),
      attribution: filterFor(who.principal, 'attribution', 'view'),
    };
    const rows =
      request.words === null
        ? await this.run<ListedRow>(listSql(kind, request, filters))
        : await searchRows<ListedRow>(kind, request, filters, (sql) => this.run<ListedRow>(sql));
    const page = pageOf(rows, request.limit, shownRow, (row) =>
      cursorKeys(request.sort, { value: row.sort_key === '-Infinity' ? null : row.sort_key, id: row.id }),
    );
    await this.admitRows(
      kind,
      who,
      rows.slice(0, request.limit).map(({ id }) => id),
    );
    if (!request.count) return page;
    const [counted] = await this.run<{ count: number }>(countSql(kind, request, filters));
    return { ...page, count: counted?.count ?? 0 };
  }

  /** A page without rows shows nothing, but a held person is refused it all the same. */
  private async admitRows(kind: RecordKind, who: Who, ids: readonly string[]): Promise<void> {
    const { requestId: request, sessionId: session, tokenId: token, ip } = who;
    const admission = await this.gate.ask({
      ...{ viewer: who.principal.userId, measure: 'list.rows', kind: 'row', subjectType: kind.type, subjects: ids },
      ...{ request, session, token, ip, masked: true },
    });
    this.hurryRefusals(admission);
    requireAdmitted(who, admission);
  }

  /** What was admitted goes with the relay's next look, many in one; a refusal may cut somebody off and goes at once. */
  private hurryRefusals(admission: Admission | undefined): void {
    if (admission?.decision !== 'admitted') this.relay.wake();
  }

  /** Who was erased is told from what never was to those who could see him. */
  private async refuseUnseen(kind: RecordKind, who: Who, id: string): Promise<never> {
    if (who.held) refuse('view-limit-reached');
    const values = new Values();
    const erased =
      kind.type === 'contact'
        ? `EXISTS (SELECT FROM read.erasures AS e WHERE e.contact_id = ${values.add(id, 'uuid')}
             AND ${filterSql(filterFor(who.principal, 'contact', 'view'), 'e.responsible_id', values)})`
        : 'false';
    const [row] = await this.run<{ authz_version: number; erased: boolean }>({
      text: `SELECT authz_version, ${erased} AS erased FROM read.security`,
      values: values.list,
    });
    requireSameRights(who, row?.authz_version);
    return refuse(row?.erased === true ? 'erased' : 'not-found');
  }

  /** The numbers that core lets this viewer see; without core the card stays masked and says so. */
  private async clearPoints(kind: RecordKind, who: Who, id: string): Promise<CardParts> {
    const query: ContactPointsQuery = {
      requestId: who.requestId,
      caller: who.caller,
      recordType: kind.type === 'company' ? 'company' : 'contact',
      recordId: id,
      replyJwk: { ...this.receiver.publicJwk },
    };
    try {
      const reply = await this.core.query<Extract<ContactPointsReply, { ok: true }>>('ContactPoints', query);
      const plain = await openEnvelope(this.receiver.privateKey, reply.sealed, contactPointsContext(who.requestId));
      return { clear: JSON.parse(Buffer.from(plain).toString('utf8')) as ClearPoint[] };
    } catch (error) {
      if (error instanceof DomainError && error.code === 'dependency-unavailable') return { pointsUnavailable: true };
      throw error;
    }
  }

  /** Texts come in few forms, one for each kind of filter: each is prepared under the digest of its text. */
  private run<Row extends object>({ text, values, plannedAnew }: Sql): Promise<Row[]> {
    return this.database.query<Row & Record<string, unknown>>(
      plannedAnew === true ? undefined : statementName(text),
      text,
      values,
    );
  }
}

function openingOf(kind: RecordKind, who: Who, id: string): Opening {
  return { kind, id, principal: who.principal, settings: who.authorization.settings, gate: gateValues(who) };
}

function namedAt({ contacts }: CardAt): readonly string[] | undefined {
  return contacts?.flatMap(({ id, name }) => (name === undefined ? [] : [id]));
}

function partsOf(row: CardRow): CardParts {
  return {
    ...(row.contacts === undefined ? {} : { contacts: row.contacts }),
    ...(row.attribution === undefined || row.attribution === null ? {} : { attribution: row.attribution }),
    ...(row.possible_duplicates ? { possibleDuplicates: row.possible_duplicates } : {}),
  };
}
