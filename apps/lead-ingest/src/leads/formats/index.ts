import type { FormFormat } from '#contracts';
import type { ReadBody } from '../lead.body.js';
import { fromAmoCrm } from './amocrm.js';
import { fromBitrix24 } from './bitrix24.js';
import { LeadBody, namedValues, type NamedValue } from './named-values.js';
import { fromTilda, isTildaProbe } from './tilda.js';

const READERS: Readonly<Record<Exclude<FormFormat, 'palisade'>, (values: readonly NamedValue[], body: LeadBody) => void>> = {
  tilda: fromTilda,
  amocrm: fromAmoCrm,
  bitrix24: fromBitrix24,
};

/**
 * A body as another source spells it, as the body of a lead (docs/intake.md has the table). `probe` is no lead: the source only tries
 * whether somebody is there.
 */
export function bodyFrom(
  format: Exclude<FormFormat, 'palisade'>,
  read: ReadBody,
  receivedAt: Date,
): Record<string, unknown> | 'probe' {
  const values = namedValues(read);
  if (format === 'tilda' && isTildaProbe(values)) return 'probe';
  const body = new LeadBody();
  const isConsent = ({ path }: NamedValue): boolean => path[0] === 'consent';
  READERS[format](
    values.filter((value) => !isConsent(value)),
    body,
  );
  const consent = values.find((value) => isConsent(value) && (value.path.length === 1 || value.path[1] === 'textId'));
  if (consent !== undefined && consent.text.trim() !== '') body.consent(consent.text, receivedAt.toISOString());
  return body.finish();
}
