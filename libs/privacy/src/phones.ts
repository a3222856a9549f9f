import { isSupportedCountry, parsePhoneNumberWithError, type CountryCode, type PhoneNumber } from 'libphonenumber-js/max';
import metadata from 'libphonenumber-js/metadata.max.json';
import { DASH, INVISIBLE, digitValue } from './digits.js';

/** Why a text is not one number: it holds mask characters, does not parse or is not valid, or holds several numbers. */
export type PhoneRefusal = 'masked' | 'invalid' | 'several';

export type ParsedPhone =
  | { readonly ok: true; readonly e164: string; readonly extension?: string; readonly country?: string }
  | { readonly ok: false; readonly reason: PhoneRefusal };

/** A number as it is kept: `e164` in the stored form of `formatStored`; `raw` is what an import or a form brought and did not parse. */
export type ContactNumber = { readonly kind: 'e164'; readonly value: string } | { readonly kind: 'raw'; readonly value: string };

export type NormalisedPhone =
  { readonly ok: true; readonly number: ContactNumber } | { readonly ok: false; readonly reason: PhoneRefusal };

/** The mask of whatever has no country code and two last digits that may be shown. */
export const WHOLE_MASK = '***';

/** Longer fields are not read: no spelling of one number with an extension needs more characters. */
const FIELD_MAX = 250;
/** Longer "extensions" are a second number after a comma, which the library reads as an extension. */
const EXTENSION_MAX = 6;
const MASK_CHARACTER = /[*\u2022\u25cf\u2217\u2588]/u;

/** True for a region (ISO 3166-1 alpha-2) whose numbers can be read without a country code. */
export function isPhoneRegion(region: string): boolean {
  return isSupportedCountry(region);
}

/** True for a text that holds mask characters (`*`, bullets), so it came from a masked view and is not data. */
export function isMasked(text: string): boolean {
  return MASK_CHARACTER.test(text.normalize('NFKC'));
}

/**
 * Reads one telephone number as people write it, in the region of the company (`8 916 …` in RU is +7 916 …).
 * Accepted is what `isValid()` of libphonenumber's full metadata accepts. Never throws and never echoes its input.
 */
export function parsePhone(text: string, region: string): ParsedPhone {
  if (text.length > FIELD_MAX) return { ok: false, reason: 'invalid' };
  if (isMasked(text)) return { ok: false, reason: 'masked' };
  const plain = plainSpelling(text);
  const number = readNumber(plain, region);
  if (number === undefined) return { ok: false, reason: holdsSeveral(plain, region) ? 'several' : 'invalid' };
  return {
    ok: true,
    e164: number.number,
    ...(number.ext === undefined ? {} : { extension: number.ext }),
    ...(number.country === undefined ? {} : { country: number.country }),
  };
}

/**
 * The number to keep. With `keepRaw` (imports, lead intake) a text that is not one valid number is kept as it came, trimmed, except a
 * masked one, which is never data; without it the text is refused with the reason.
 */
export function normalisePhone(text: string, region: string, options: { readonly keepRaw: boolean }): NormalisedPhone {
  const parsed = parsePhone(text, region);
  if (parsed.ok) return { ok: true, number: { kind: 'e164', value: formatStored(parsed.e164, parsed.extension) } };
  const raw = text.normalize('NFC').trim();
  if (!options.keepRaw || parsed.reason === 'masked' || raw === '') return parsed;
  return { ok: true, number: { kind: 'raw', value: raw } };
}

/** E.164 with the extension as RFC 3966 writes it: `+79161234567;ext=12`. */
export function formatStored(e164: string, extension?: string): string {
  return extension === undefined || extension === '' ? e164 : `${e164};ext=${extension}`;
}

/** The two parts of a stored number. */
export function splitStored(stored: string): { readonly e164: string; readonly extension?: string } {
  const [e164 = '', extension] = stored.split(';ext=');
  return extension === undefined ? { e164 } : { e164, extension };
}

/**
 * `+7 *** ***-**-67`: the country code of the metadata and the last two digits, of the same width whatever the number's
 * length; the extension is not shown. Anything but a number in stored form (raw text, short codes) is `***`.
 */
export function maskPhone(stored: string): string {
  const digits = /^\+([1-9]\d{4,16})(?:;ext=\d+)?$/.exec(stored)?.[1];
  if (digits === undefined) return WHOLE_MASK;
  const code = [1, 2, 3].map((length) => digits.slice(0, length)).find((prefix) => CALLING_CODES.has(prefix));
  // Two of four national digits is the most that a mask shows.
  if (code === undefined || digits.length - code.length < 4) return WHOLE_MASK;
  return `+${code} *** ***-**-${digits.slice(-2)}`;
}

/** The mask of a contact's number: raw text is masked whole. */
export function maskContactNumber(number: ContactNumber): string {
  return number.kind === 'e164' ? maskPhone(number.value) : WHOLE_MASK;
}

/** Codes of the metadata (ITU-T E.164 assigned codes); none is the beginning of another. */
const CALLING_CODES: ReadonlySet<string> = new Set([
  ...Object.keys(metadata.country_calling_codes),
  ...Object.keys(metadata.nonGeographic),
]);

/**
 * The valid number written in a text that holds nothing else, or undefined. `00` before a country code is tried as `+` too:
 * the library takes it only where it is the region's own international prefix (in RU that is 8~10).
 */
export function readNumber(text: string, region: string): PhoneNumber | undefined {
  const direct = parseValid(text, region);
  if (direct !== undefined || !/^[ (]*00/.test(text)) return direct;
  return parseValid(text.replace('00', '+'), region);
}

function parseValid(text: string, region: string): PhoneNumber | undefined {
  try {
    const options = isSupportedCountry(region)
      ? { defaultCountry: region satisfies CountryCode, extract: false }
      : { extract: false };
    const number = parsePhoneNumberWithError(text, options);
    return number.isValid() && (number.ext?.length ?? 0) <= EXTENSION_MAX ? number : undefined;
  } catch {
    // The library's only way to say "not a number".
    return undefined;
  }
}

/** ASCII digits, plain dashes and spaces, nothing invisible, no `tel:`. */
function plainSpelling(text: string): string {
  let plain = '';
  for (const char of text.normalize('NFKC')) {
    const value = digitValue(char);
    if (value >= 0) plain += String(value);
    else if (DASH.test(char)) plain += '-';
    else if (char === '_') plain += ' ';
    else if (!INVISIBLE.test(char)) plain += char;
  }
  return plain.replace(/^\s*(?:tel|callto):/iu, '').trim();
}

/** Two or more parts between separators of a list (or two `+`) of which one is a valid number and another looks like one. */
function holdsSeveral(plain: string, region: string): boolean {
  const parts = plain.split(/[,;/|\\\n\r\t]+|\s(?:и|или|либо|and|or|und|oder)\s|(?<=\d\s*)(?=\+)/iu);
  const long = parts.filter((part) => part.replace(/\D/g, '').length >= 5);
  return long.length > 1 && long.some((part) => readNumber(part.trim(), region) !== undefined);
}
