import type { ContactFields, ErasedCategory, Erasure } from './contact.events.js';

/** A deal with the person among its contacts. */
export interface LinkedDeal {
  readonly id: string;
  readonly contactIds: readonly string[];
}

export interface ErasureRequest {
  readonly contactId: string;
  readonly responsibleId: string | null;
  readonly fields: ContactFields;
  readonly deals: readonly LinkedDeal[];
  readonly leadIds: readonly string[];
  readonly reason: string;
  readonly requestRef: string | null;
}

/** What goes with the person and what stays: a deal of his alone goes, one shared with others keeps its texts and is named. */
export function planErasure(request: ErasureRequest): Erasure {
  const { contactId, responsibleId, fields, deals, leadIds, reason, requestRef } = request;
  const isAlone = ({ contactIds }: LinkedDeal): boolean => contactIds.every((id) => id === contactId);
  const erasedDealIds = deals.filter(isAlone).map(({ id }) => id);
  const keptDealIds = deals.filter((deal) => !isAlone(deal)).map(({ id }) => id);
  const found: readonly (readonly [ErasedCategory, boolean])[] = [
    ['name', true],
    ['phones', fields.phones.length > 0],
    ['emails', fields.emails.length > 0],
    ['note', fields.note !== null],
    ['tags', fields.tags.length > 0],
    ['customFields', Object.values(fields.customFields).some((value) => value !== null)],
    ['deals', erasedDealIds.length > 0],
    ['leads', leadIds.length > 0],
  ];
  const categories = found.filter(([, isThere]) => isThere).map(([category]) => category);
  const name = fields.name.expose().text;
  return {
    ...{ responsibleId, categories, erasedDealIds, keptDealIds, erasedLeadIds: leadIds },
    reason: withoutName(reason, name),
    requestRef: requestRef === null ? null : withoutName(requestRef, name),
  };
}

const NAME_MASK = '***';
/** Endings by which a name is declined (Иван, Ивана, Иваном), and the last letter that gives way to them (Мария, Марии). */
const ENDING = String.raw`\p{L}{0,3}`;
const LAST_LETTER = /(?<=\p{L}{3})[аеёийоуыьэюяaeiouy]$/iu;

/** The text with each word of the person's name masked, declined or not: what is kept of an erasure does not tell of whom. */
function withoutName(text: string, name: string): string {
  const words = name.match(/\p{L}[\p{L}\p{M}]+/gu) ?? [];
  if (words.length === 0) return text;
  const patterns = words
    .toSorted((one, other) => other.length - one.length)
    .map((word) => (word.length < 3 ? word : `${word.replace(LAST_LETTER, '')}${ENDING}`));
  return text.replace(new RegExp(`(?<![\\p{L}\\p{M}])(?:${patterns.join('|')})(?![\\p{L}\\p{M}])`, 'giu'), NAME_MASK);
}
