import { z } from 'zod';
import { FORM_FORMATS, type IntakeForm, type LeadFormsReply } from '#contracts';
import { DomainError, refuse } from '#kernel';
import { toPublicJwk, type PublicJwk } from '#privacy';
import type { SpoolKeys } from '../spool/spool.keys.js';
import type { Spool } from '../spool/spool.js';

/** The sealed setting of the spool that holds the forms and core's public key. */
const SETTING = 'forms';

/** What core answers to `lead.forms`. Fields that a newer core adds are passed over. */
const formsReplySchema = z.object({
  ok: z.literal(true),
  publicJwk: z.record(z.string(), z.unknown()),
  forms: z.array(
    z.object({
      id: z.uuid(),
      key: z.string().min(1),
      // What a core of before did not tell, and a spool of before does not hold.
      name: z.string().default(''),
      enabled: z.boolean(),
      allowedOrigins: z.array(z.string()),
      requireConsent: z.boolean(),
      requireSignature: z.boolean().default(false),
      quarantineAfter: z.int().min(0).nullable().default(60),
      successUrl: z.string().nullable(),
      format: z.enum(FORM_FORMATS).default('palisade'),
    }),
  ),
}) satisfies z.ZodType<LeadFormsReply>;

/** What is kept: the answer, and the secrets that came sealed with it, opened. */
const keptSchema = z.object({ reply: formsReplySchema, secrets: z.record(z.string(), z.string()) });

interface Known {
  readonly publicJwk: PublicJwk;
  readonly byKey: ReadonlyMap<string, IntakeForm>;
  readonly secrets: ReadonlyMap<string, string>;
  readonly text: string;
}

/** The forms in force and core's public key, as core last told them; kept sealed in the spool for a start without broker and core. */
export class FormBook {
  #known: Known | null;

  private constructor(
    private readonly spool: Spool,
    private readonly keys: SpoolKeys,
    known: Known | null,
  ) {
    this.#known = known;
  }

  static async open(spool: Spool, keys: SpoolKeys): Promise<FormBook> {
    const sealed = await spool.load(SETTING);
    const text = sealed === null ? null : keys.open(SETTING, sealed);
    return new FormBook(spool, keys, text === null ? null : keptOf(JSON.parse(text)));
  }

  /** False until core has told the forms for the first time in the life of this spool. */
  get isKnown(): boolean {
    return this.#known !== null;
  }

  /** The key that leads are sealed for. Throws DomainError `dependency-unavailable` while it was never known. */
  get publicJwk(): PublicJwk {
    return this.#mustKnow().publicJwk;
  }

  /** The form of a key. Throws DomainError `unknown-form` (switched off is the same), `dependency-unavailable` while none was ever known. */
  find(key: string): IntakeForm {
    const form = this.#mustKnow().byKey.get(key);
    return form?.enabled === true ? form : refuse('unknown-form');
  }

  /** The secret that signatures of a form's leads are made with; null where core told none. */
  secretOf(formId: string): string | null {
    return this.#mustKnow().secrets.get(formId) ?? null;
  }

  /**
   * Takes core's answer into force and keeps it; `secrets` by form id. Throws a plain Error on an answer of another shape, and what the
   * spool throws; then it is in force all the same.
   */
  async replace(answer: unknown, secrets: Readonly<Record<string, string>> = {}): Promise<void> {
    const known = knownOf(answer, secrets);
    const isSame = known.text === this.#known?.text;
    this.#known = known;
    if (!isSame) await this.spool.save(SETTING, this.keys.seal(SETTING, known.text));
  }

  #mustKnow(): Known {
    if (this.#known !== null) return this.#known;
    throw new DomainError('dependency-unavailable', { detail: 'the forms are not known yet', retryAfterSeconds: 1 });
  }
}

function keptOf(kept: unknown): Known {
  const parsed = keptSchema.safeParse(kept);
  // A spool of before holds the answer alone.
  return parsed.success ? knownOf(parsed.data.reply, parsed.data.secrets) : knownOf(kept, {});
}

function knownOf(answer: unknown, secrets: Readonly<Record<string, string>>): Known {
  const parsed = formsReplySchema.safeParse(answer);
  if (!parsed.success) throw new Error('the forms that core told are of another shape');
  const reply: LeadFormsReply = parsed.data;
  const sorted = Object.entries(secrets).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    publicJwk: toPublicJwk(reply.publicJwk),
    byKey: new Map(reply.forms.map((form) => [form.key, form])),
    secrets: new Map(sorted),
    text: JSON.stringify({ reply, secrets: Object.fromEntries(sorted) }),
  };
}
