import { randomUUID } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import type { DomainEvent } from '#kernel';
import { FIRST_SECURITY_SETTINGS } from '#contracts';
import type { EventMetadata } from '#event-store';
import { Secret } from '#kernel';
import { AGGREGATES } from '../aggregates.js';
import { keyOwner, type AnyAggregate } from '../log/aggregate.js';
import { streamChange, type CrmLog } from '../log/crm-log.js';
import { FIRST_PIPELINE, FIRST_PIPELINE_ID } from '../pipelines/first-pipeline.js';
import type { ContactPoint } from '../records/domain/contact-point.js';
import { personalText } from '../records/domain/personal-text.js';
import { SECURITY_SETTINGS_ID } from '../security-settings/security-settings.aggregate.js';

/** Numbers from 0 (included) to 1, the same for the same seed (mulberry32, public domain). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Category =
  | 'contact'
  | 'company'
  | 'deal'
  | 'user'
  | 'role'
  | 'department'
  | 'form'
  | 'form-secret'
  | 'lead'
  | 'custom-field'
  | 'audit'
  | 'reveal'
  | 'lookup'
  | 'call'
  | 'incoming-call'
  | 'security-settings';
const CATEGORIES: readonly Category[] = [
  ...(['contact', 'contact', 'contact', 'contact', 'company', 'company', 'deal', 'deal', 'deal'] as const),
  ...(['user', 'role', 'department', 'form', 'form-secret', 'lead', 'custom-field', 'audit', 'security-settings'] as const),
  ...(['reveal', 'lookup', 'call', 'incoming-call'] as const),
];
const AWKWARD = ['tab\there', 'line\nbreak', 'back\\slash \\N \\.', '"quoted", {braced}', "o'clock", 'Ёлка ☃ 😀', '', ' '];

interface Stream {
  readonly category: Category;
  readonly id: string;
  version: number;
  isDeleted: boolean;
  /** How often its key was destroyed; a contact or a lead ends with that. */
  generation: number;
}

/** Histories of every kind of stream, appended as the services do: creations, changes of few and of all fields, deletions. */
export class VariedLog {
  readonly #streams: Stream[] = [];
  readonly #random: () => number;

  constructor(
    private readonly log: CrmLog,
    seed: number,
    /** Kinds to leave out: the settings are one stream, which two writers cannot both be sure of. */
    private readonly without: readonly Category[] = [],
  ) {
    this.#random = seeded(seed);
  }

  /** The streams that were begun, by kind, but for people who were erased. */
  idsOf(category: Category): readonly string[] {
    return this.everyIdOf(category).filter(
      (id) => category === 'deal' || !this.#streams.some((one) => one.id === id && one.generation > 0),
    );
  }

  everyIdOf(category: Category): readonly string[] {
    return this.#streams.filter((stream) => stream.category === category).map(({ id }) => id);
  }

  /** Appends so many times: one event, or two to one stream. First one of each kind, then a third of them begin a stream. */
  async append(times: number): Promise<void> {
    const kinds = CATEGORIES.filter((category) => !this.without.includes(category));
    for (let time = 0; time < times; time += 1) {
      const first = kinds[this.#streams.length];
      const known = first !== undefined || this.#random() < 0.33 ? undefined : this.#pick(this.#streams);
      const stream = known ?? this.#newStream(first ?? this.#pick(kinds) ?? 'contact');
      await this.to(stream, this.#random() < 0.2 ? 2 : 1);
    }
  }

  /** The next events of one stream. */
  async to(stream: Stream, count = 1): Promise<void> {
    const events: DomainEvent[] = [];
    for (let index = 0; index < count; index += 1) {
      // What follows an erasing event is sealed with the next key, so it comes with the next append.
      if (events.some(({ type }) => type.endsWith('Erased'))) break;
      events.push(...this.#next(stream, stream.version + events.length));
    }
    if (events.length === 0) return;
    const aggregate = AGGREGATES.get(stream.category) as AnyAggregate;
    const { id, version, generation } = stream;
    await this.log.append([streamChange({ aggregate, id, version, generation, events })], { metadata: metadata() });
    stream.version += events.length;
    if (events.some(({ type }) => type === aggregate.erasedBy)) stream.generation += 1;
  }

  #newStream(category: Category): Stream {
    const known = this.#streams.find((stream) => stream.category === 'security-settings');
    if (category === 'security-settings' && known !== undefined) return known;
    const id = category === 'security-settings' ? SECURITY_SETTINGS_ID : uuidv7();
    const stream = { category, id, version: 0, isDeleted: false, generation: 0 };
    this.#streams.push(stream);
    return stream;
  }

  #next(stream: Stream, version: number): readonly DomainEvent[] {
    const isNew = version === 0;
    switch (stream.category) {
      case 'contact':
        if (stream.generation > 0) return [];
        if (!isNew && this.#random() < 0.05) return [{ type: 'ContactErased', data: ERASURE }];
        return this.#record(stream, 'Contact', isNew, { ...this.#common('name'), ...this.#points(), companyId: this.#id() });
      case 'company':
        return this.#record(stream, 'Company', isNew, {
          ...{ ...this.#common('name'), ...this.#points(), website: this.#text(), address: this.#text() },
        });
      case 'deal':
        return this.#deal(stream, isNew);
      case 'user':
        return this.#user(isNew);
      case 'role':
        return [
          this.#made(
            'Role',
            isNew,
            {
              name: this.#word(),
              extendsId: null,
              grants: { contact: { view: 'group' } },
              requireSecondFactor: this.#random() < 0.5,
            },
            { weakened: [] },
          ),
        ];
      case 'department':
        return [this.#made('Department', isNew, { name: this.#word(), parentId: this.#id() }, {})];
      case 'form':
        return [this.#form(isNew)];
      case 'form-secret':
        return [{ type: 'FormSecretSet', data: { secret: new Secret(this.#word()), generated: this.#random() < 0.5 } }];
      case 'lead':
        return this.#lead(stream, isNew);
      case 'custom-field':
        if (version > 1) return [];
        return [isNew ? { type: 'CustomFieldDefined', data: this.#definition() } : { type: 'CustomFieldDeleted', data: {} }];
      case 'audit':
        return isNew ? [{ type: 'AuditRecorded', data: { type: 'sign-in.failed', details: { codes: [this.#word()] } } }] : [];
      case 'reveal': {
        if (version > 1) return [];
        if (!isNew) return [{ type: 'RevealErased', data: { contactId: uuidv7() } }];
        const data = { ...this.#owned(), recordVersion: 1, pointId: uuidv7(), reason: new Secret(this.#word()) };
        return [{ type: this.#random() < 0.5 ? 'PhoneRevealed' : 'EmailRevealed', data }];
      }
      case 'lookup':
        return isNew ? [{ type: 'PhoneLookedUp', data: { matches: [{ type: 'contact', id: uuidv7() }] } }] : [];
      case 'call':
        return this.#call(version);
      case 'incoming-call': {
        const from = this.#random() < 0.5 ? null : { ...this.#owned(), phoneId: uuidv7() };
        return isNew ? [{ type: 'CallReceived', data: { from, line: this.#word() } }] : [];
      }
      case 'security-settings': {
        const settings = {
          ...FIRST_SECURITY_SETTINGS,
          hidePhones: this.#random() < 0.5,
          defaultRegion: this.#random() < 0.5 ? 'RU' : 'DE',
        };
        return [{ type: 'SecuritySettingsChanged', data: { settings, before: FIRST_SECURITY_SETTINGS, weakened: [] } }];
      }
    }
  }

  #lead(stream: Stream, isNew: boolean): readonly DomainEvent[] {
    if (stream.generation > 0) return [];
    if (!isNew && this.#random() < 0.5) {
      return [{ type: 'LeadErased', data: { contactId: this.#random() < 0.5 ? null : uuidv7() } }];
    }
    return [
      this.#random() < 0.4
        ? leadAccepted(this.#textValue())
        : (this.#pick([this.#quarantined(), this.#setAside()]) ?? this.#setAside()),
    ];
  }

  #quarantined(): DomainEvent {
    const content = new Secret({ sent: { attribution: {}, ip: '192.0.2.1' }, masked: this.#maskedLead() });
    return { type: 'LeadQuarantined', data: { ...waiting(), reason: 'honeypot', content } };
  }

  #setAside(): DomainEvent {
    const masked = this.#random() < 0.3 ? null : this.#maskedLead();
    return {
      type: 'LeadSetAside',
      data: { ...waiting(), reason: 'unknown-form', content: new Secret({ received: 'e', masked }) },
    };
  }

  #maskedLead(): object {
    const shown = { name: this.#word(), phone: null, email: null, company: null, title: null, message: this.#word() };
    return { ...shown, attribution: this.#random() < 0.5 ? {} : { utm_source: this.#word() } };
  }

  #record(stream: Stream, kind: string, isNew: boolean, fields: Readonly<Record<string, unknown>>): readonly DomainEvent[] {
    if (isNew) return [{ type: `${kind}Created`, data: { ...fields, responsibleId: this.#id(), leadId: null } }];
    if (stream.isDeleted) {
      stream.isDeleted = false;
      return [{ type: `${kind}Restored`, data: {} }];
    }
    const dice = this.#random();
    if (dice < 0.1) {
      stream.isDeleted = true;
      return [{ type: `${kind}Deleted`, data: {} }];
    }
    if (dice < 0.25) return [{ type: `${kind}Assigned`, data: { responsibleId: this.#id() } }];
    return [{ type: `${kind}Changed`, data: this.#some(fields) }];
  }

  #deal(stream: Stream, isNew: boolean): readonly DomainEvent[] {
    const stageId = this.#pick(FIRST_PIPELINE.stages)?.id;
    if (!isNew && !stream.isDeleted && this.#random() < 0.3) return [{ type: 'DealMoved', data: { stageId } }];
    if (!isNew && this.#random() < 0.05) {
      return [{ type: 'DealErased', data: { contactId: uuidv7(), keyOwner: keyOwner(`deal-${stream.id}`, stream.generation) } }];
    }
    if (!isNew && this.#random() < 0.2) {
      const lost = { type: 'DealLost', data: { reason: this.#textValue() } };
      return [this.#pick([lost, { type: 'DealWon', data: {} }, { type: 'DealReopened', data: {} }]) ?? lost];
    }
    const fields = { ...this.#common('title'), amount: this.#amount(), contactIds: [uuidv7(), uuidv7()], companyId: this.#id() };
    const attribution = this.#random() < 0.5 ? null : new Secret({ utm_source: { text: 'a', masked: this.#word() } });
    const place = { pipelineId: FIRST_PIPELINE_ID, stageId, attribution };
    return this.#record(stream, 'Deal', isNew, isNew ? { ...fields, ...place } : fields);
  }

  #user(isNew: boolean): readonly DomainEvent[] {
    const fields = {
      email: `${uuidv7()}@palisade.test`,
      name: this.#word(),
      roleIds: [uuidv7()],
      departmentId: this.#id(),
      isAdmin: false,
    };
    if (isNew || this.#random() < 0.5) return [this.#made('User', isNew, fields, {})];
    const since = new Date().toISOString();
    return [
      { type: 'UserDeactivated', data: { epoch: 0, cause: { kind: 'administrator', reason: 'x' } } },
      { type: 'UserReactivated', data: { epoch: 1, since, reason: 'x', status: 'active' } },
    ];
  }

  #call(version: number): readonly DomainEvent[] {
    if (version === 0) return [{ type: 'CallPlaced', data: { ...this.#owned(), phoneId: uuidv7() } }];
    if (version > 1) return [];
    return [this.#random() < 0.5 ? { type: 'CallHandedOver', data: {} } : { type: 'CallFailed', data: { cause: 'refused' } }];
  }

  #owned(): Readonly<Record<string, unknown>> {
    return { recordType: this.#pick(['contact', 'company']), recordId: uuidv7() };
  }

  #form(isNew: boolean): DomainEvent {
    if (!isNew && this.#random() < 0.3) {
      return this.#random() < 0.5 ? { type: 'FormKeyRotated', data: { key: uuidv7() } } : { type: 'FormDeleted', data: {} };
    }
    const fields = {
      ...{
        name: this.#word(),
        enabled: this.#random() < 0.5,
        allowedOrigins: ['https://a.test'],
        pipelineId: null,
        stageId: null,
      },
      ...{ titleTemplate: '{form}', assign: null, requireConsent: this.#random() < 0.5, successUrl: null },
      ...{ requireSignature: false, quarantine: this.#random() < 0.5, quarantineAfter: 60, format: 'tilda' },
    };
    return this.#made('Form', isNew, fields, isNew ? { key: uuidv7() } : {});
  }

  #made(kind: string, isNew: boolean, fields: Readonly<Record<string, unknown>>, more: object): DomainEvent {
    return { type: `${kind}${isNew ? 'Created' : 'Changed'}`, data: { ...(isNew ? fields : this.#some(fields)), ...more } };
  }

  #common(title: string): Readonly<Record<string, unknown>> {
    return {
      [title]: this.#textValue(),
      note: this.#text(),
      tags: this.#random() < 0.5 ? [] : [this.#textValue(), this.#textValue()],
      customFields: this.#customValues(),
    };
  }

  /** Few ids, so that values are changed and emptied and not only added. */
  #customValues(): Readonly<Record<string, unknown>> {
    const value = (): unknown => {
      if (this.#random() < 0.3) return null;
      const text = this.#word();
      return new Secret(this.#random() < 0.5 ? { type: 'text', text, masked: text } : { type: 'phone', value: '+79161234567' });
    };
    return Object.fromEntries(CUSTOM_FIELD_IDS.filter(() => this.#random() < 0.4).map((id) => [id, value()]));
  }

  #definition(): Readonly<Record<string, unknown>> {
    return { recordType: this.#pick(['contact', 'company', 'deal']), name: uuidv7(), type: 'text', choices: null };
  }

  #points(): Readonly<Record<string, readonly ContactPoint[]>> {
    const digits = String(Math.floor(this.#random() * 10_000_000)).padStart(7, '0');
    const point = (kind: 'phone' | 'email', value: string): ContactPoint => ({
      ...{ id: randomUUID(), kind, form: this.#random() < 0.1 ? 'raw' : 'normal', value: new Secret(value) },
      ...{ label: this.#text(), unverified: this.#random() < 0.2 },
    });
    const phones = [point('phone', `+7916${digits}`), point('phone', `+4420${digits}1`)].slice(Math.floor(this.#random() * 3));
    return { phones, emails: this.#random() < 0.4 ? [] : [point('email', `p${digits}@palisade.test`)] };
  }

  #amount(): object | null {
    const value = `${Math.floor(this.#random() * 1e9)}.${String(Math.floor(this.#random() * 100)).padStart(2, '0')}`;
    return this.#random() < 0.3 ? null : { value, currency: 'RUB' };
  }

  #some(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    const chosen = Object.entries(fields).filter(() => this.#random() < 0.4);
    return Object.fromEntries(chosen.length === 0 ? Object.entries(fields).slice(0, 1) : chosen);
  }

  #textValue() {
    return personalText(this.#word(), 'RU');
  }

  #text() {
    return this.#random() < 0.3 ? null : this.#textValue();
  }

  #word(): string {
    return this.#random() < 0.2 ? (this.#pick(AWKWARD) ?? '') : `word ${Math.floor(this.#random() * 1e6)}`;
  }

  #id(): string | null {
    return this.#random() < 0.3 ? null : uuidv7();
  }

  #pick<T>(values: readonly T[]): T | undefined {
    return values[Math.floor(this.#random() * values.length)];
  }
}

const CUSTOM_FIELD_IDS = [1, 2, 3].map((digit) => `00000000-0000-8000-8000-00000000000${digit}`);
const ERASURE = {
  ...{ responsibleId: null, reason: 'asked', requestRef: null, categories: ['name'] },
  ...{ erasedDealIds: [], keptDealIds: [], erasedLeadIds: [] },
};

const waiting = () => ({ formId: uuidv7(), receivedAt: '2026-01-01T00:00:00.000Z' });

function leadAccepted(message: unknown): DomainEvent {
  const ids = { formId: uuidv7(), contactId: uuidv7(), dealId: uuidv7() };
  return {
    type: 'LeadAccepted',
    data: {
      ...{ ...ids, receivedAt: '2026-01-01T00:00:00.000Z', matched: false, possibleDuplicates: [uuidv7()] },
      ...{ message, consent: null },
    },
  };
}

function metadata(): EventMetadata {
  const [commandId, correlationId, actorId] = [randomUUID(), randomUUID(), randomUUID()];
  return {
    actorId,
    sessionId: null,
    tokenId: null,
    ip: null,
    commandId,
    correlationId,
    causationId: null,
    at: new Date().toISOString(),
  };
}
