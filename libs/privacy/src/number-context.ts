import { BREAK, JOINT } from './text-shadow.js';

/**
 * What the words around digits say of them. The lists are Russian and English, the languages of the product's users; a spelling
 * that they miss errs towards a mask, as far as the digits are a valid number.
 */
const PHONE_WORD = String.raw`(?<!\p{L})(?:тел(?:ефон\p{L}*)?|моб(?:ил\p{L}*)?|сот(?:ов\p{L}*)?|факс\p{L}*|\p{L}*звон\p{L}*|набер\p{L}*|набрать|в[ао][тц]с?ап\p{L}*|вайбер\p{L}*|телеграм\p{L}*|смс|контакт\p{L}*|tel|telephone|phones?|mob(?:ile)?|cell|call|fax|sms|dial|whats ?app|viber|telegram|wa\.me|callto)(?!\p{L})`;
const PHONE_BESIDE = new RegExp(`${PHONE_WORD}[^\\p{L}\\d]{0,8}$`, 'u');
const PHONE_NEAR = new RegExp(`${PHONE_WORD}[^\\p{L}\\d]{0,6}(?:\\p{L}{1,20}[^\\p{L}\\d]{1,4}){0,3}$`, 'u');
const PHONE_LINK =
  /(?:wa\.me\/|whatsapp\.com\/send\S{0,40}phone=|viber:\S{0,20}number=|(?:tel|callto|sms):(?:\/\/)?|t\.me\/)\+?$/u;

const REFERENCE_WORD = String.raw`(?<!\p{L})(?:заказ\p{L}*|сч[её]т\p{L}*|договор\p{L}*|накладн\p{L}*|артикул\p{L}*|арт|код\p{L}*|заявк\p{L}*|сделк\p{L}*|лот|лид|трек|акт\p{L}*|упд|проект\p{L}*|отправлени\p{L}*|р\/с|к\/с|order|invoice|contract|account|sku|ref(?:erence)?|ticket|deal|case|tracking|item|id|iban)`;
const MARKER = String.raw`(?:№|#|no\.|n°|номер)`;
const REFERENCE_BESIDE = new RegExp(`${REFERENCE_WORD}[\\s.:="'(/-]{0,6}$`, 'u');
const REFERENCE_MARKED = new RegExp(`${REFERENCE_WORD}[\\s.:-]{0,3}${MARKER}[\\s.:]{0,3}$`, 'u');
const MARKER_BESIDE = /(?:№|#|n°)\s{0,2}$/u;
const TAX_WORD = /(?<!\p{L})(?:инн|кпп|огрн|огрнип|окпо|бик|inn|kpp|ogrn|bik)[\s.:№=/-]{0,4}$/u;
/** ИНН 10 and 12 digits, КПП and БИК 9, ОГРН 13, ОГРНИП 15, ОКПО 8 and 10. */
const TAX_LENGTHS: ReadonlySet<number> = new Set([8, 9, 10, 12, 13, 15]);

/** What stands before the digits at `start`. */
export interface NumberContext {
  /** A phone word right before, or a link such as `tel:` and `wa.me/`. */
  readonly phoneBeside: boolean;
  /** A phone word at most three words before. */
  readonly phoneNear: boolean;
  readonly link: boolean;
  /** A word of orders and invoices: alone, or with a marker such as `№`; or a marker alone. */
  readonly reference: 'none' | 'plain' | 'marked';
  readonly tax: boolean;
}

/** Reads the words before a place of a shadow's text; looks back 80 characters at most. */
export function contextBefore(text: string, start: number): NumberContext {
  const before = text.slice(Math.max(0, start - 80), start).replaceAll(JOINT, '');
  const link = PHONE_LINK.test(before);
  const phoneBeside = link || PHONE_BESIDE.test(before);
  return {
    link,
    phoneBeside,
    phoneNear: phoneBeside || PHONE_NEAR.test(before),
    reference: REFERENCE_MARKED.test(before)
      ? 'marked'
      : REFERENCE_BESIDE.test(before) || MARKER_BESIDE.test(before)
        ? 'plain'
        : 'none',
    tax: TAX_WORD.test(before),
  };
}

/** The context of digits that follow other digits: no word stands right before them, but a КПП may follow its ИНН. */
export function contextWithin(context: NumberContext, afterTaxNumber: boolean): NumberContext {
  return afterTaxNumber && context.tax ? { ...NO_WORDS, tax: true } : NO_WORDS;
}

const NO_WORDS: NumberContext = { link: false, phoneBeside: false, phoneNear: false, reference: 'none', tax: false };

/** True for digits of a length that tax and bank identifiers have. */
export function isTaxLength(digits: string): boolean {
  return TAX_LENGTHS.has(digits.length);
}

const CURRENCY = String.raw`(?:тыс|млн|млрд|руб|р(?!\p{L})|₽|долл|usd|rub|eur|kzt|byn|uah|gbp|евро|тенге|грн|[$€£¥₸₴])`;
const DAY = '(?:0?[1-9]|[12]\\d|3[01])';
const MONTH = '(?:0?[1-9]|1[0-2])';
const YEAR = '(?:19|20)\\d\\d';
const TIME = '(?:(?:[ t,]|, )(?:[01]?\\d|2[0-3]):[0-5]\\d(?::[0-5]\\d(?:\\.\\d{1,9})?)?)?';
const DATE = new RegExp(
  `(?<!\\d)(?:${DAY}([./-])${MONTH}\\1${YEAR}|${YEAR}([./-])${MONTH}\\2${DAY})${TIME}(?!\\d)|(?<![\\d:])(?:[01]?\\d|2[0-3]):[0-5]\\d(?![\\d:])`,
  'gu',
);
const GROUPED = String.raw`\d{1,3}(?:[ .,']\d{3}){1,4}(?:[.,]\d{1,2})?`;
const SUM = new RegExp(
  String.raw`(?<![\d][ .()-]{0,2})(?:(?:${GROUPED}|\d{1,10}(?:[.,]\d{1,2})?) {0,2}${CURRENCY}|\d{1,3}(?: \d{3}){1,4},\d{2}(?!\d))|(?<=[$€£¥₽] {0,2})(?:${GROUPED}|\d{1,10})(?!\d)`,
  'gu',
);
const UUID = /(?<![\p{L}\d])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![\p{L}\d])/gu;
const HEX = /(?<![\p{L}\d])(?=[0-9]{0,63}[a-f])[0-9a-f]{16,64}(?![\p{L}\d])/gu;
const ADDRESS =
  /(?<![\d.])(?!\d\d\.\d\d\.\d\d\.\d\d(?!\d))(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.]*\d)/gu;
const DOCUMENT =
  /(?<=(?:снилс|паспорт\p{L}*|серия)[^\d]{0,12})(?:\d{3}-\d{3}-\d{3}[ -]\d{2}|\d{2} ?\d{2}(?: |, ?)?(?:№ ?|номер )?\d{6})(?!\d)/gu;
const CARD = /(?<!\d[ -]?)\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?![ -]?\d)/gu;
const MASKED = /\+\d{1,3} \*{3} \*{3}-\*{2}-\d{2}/gu;

/** Covers what is known to be no number: dates, sums, identifiers, network addresses, cards, masks. Lengths stay. */
export function coverKnown(text: string): string {
  let covered = cover(text, MASKED, () => true);
  covered = cover(covered, UUID, () => true);
  covered = cover(covered, HEX, () => true);
  covered = cover(covered, DATE, (_match, before) => standsAlone(before));
  covered = cover(covered, SUM, (_match, before) => !PHONE_BESIDE.test(before));
  covered = cover(covered, ADDRESS, (_match, before) => standsAlone(before) && !PHONE_BESIDE.test(before));
  covered = cover(covered, DOCUMENT, () => true);
  return cover(covered, CARD, (match, before) => passesLuhn(match) && standsAlone(before));
}

function cover(text: string, pattern: RegExp, wanted: (match: string, before: string) => boolean): string {
  let last = 0;
  return text.replace(pattern, (...found) => {
    const match = found[0] as string;
    const start = found.findLast((item) => typeof item === 'number') as number;
    const before = text.slice(Math.max(last, start - 40), start).replaceAll(JOINT, '');
    if (!wanted(match, before)) return match;
    last = start + match.length;
    return BREAK.repeat(match.length);
  });
}

/**
 * Whether digits in the shape of a date are one: not when they may be the end of a number (`8 495 12-12-1990`), but after no digits,
 * after a whole number, or after a short count.
 */
function standsAlone(before: string): boolean {
  const digits = /(\+?)[(]?(\d[\d ().\-/]*)$/u.exec(before);
  if (digits === null) return !before.endsWith('+');
  const plain = (digits[2] ?? '').replace(/\D/g, '');
  if (plain.length >= 10) return true;
  return digits[1] === '' && plain.length <= 4 && !/^[078]/.test(plain) && /\s$/.test(before);
}

/** ISO/IEC 7812-1 annex B. */
function passesLuhn(text: string): boolean {
  const digits = text.replace(/\D/g, '');
  const sum = Array.from(digits).reduceRight((total, digit, index) => {
    const value = Number(digit) * ((digits.length - index) % 2 === 0 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}
