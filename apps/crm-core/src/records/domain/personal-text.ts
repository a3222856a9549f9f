import { Secret } from '#kernel';
import { maskText } from '#privacy';

/** A text that a person wrote: as written, and as it stands in read models, with numbers and e-mails masked. Sealed as one. */
export type PersonalText = Secret<{ readonly text: string; readonly masked: string }>;

/** NFC, with the masks of the company's region found once, on write, so that every rebuild shows the same. */
export function personalText(text: string, region: string): PersonalText {
  const normal = text.normalize('NFC');
  return new Secret({ text: normal, masked: maskText(normal, region) });
}

/** What a read model holds of a text; `erased` once its key was destroyed. */
export function maskedText(text: PersonalText): string {
  return text.isErased ? 'erased' : text.expose().masked;
}

export function maskedTextOrNull(text: PersonalText | null): string | null {
  return text === null ? null : maskedText(text);
}
