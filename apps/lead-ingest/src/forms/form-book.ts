import { z } from 'zod';
import type { IntakeForm, LeadFormsReply } from '#contracts';
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
      enabled: z.boolean(),
      allowedOrigins: z.array(z.string()),
      requireConsent: z.boolean(),
      successUrl: z.string().nullable(),
    }),
  ),
}) satisfies z.ZodType<LeadFormsReply>;

interface Known {
  readonly publicJwk: PublicJwk;
  readonly byKey: ReadonlyMap<string, IntakeForm>;
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
    return new FormBook(spool, keys, text === null ? null : knownOf(JSON.parse(text)));
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

  /** Takes core's answer into force and keeps it. Throws a plain Error on an answer of another shape, and what the spool throws; then it is in force all the same. */
  async replace(answer: unknown): Promise<void> {
    const known = knownOf(answer);
    const isSame = known.text === this.#known?.text;
    this.#known = known;
    if (!isSame) await this.spool.save(SETTING, this.keys.seal(SETTING, known.text));
  }

  #mustKnow(): Known {
    if (this.#known !== null) return this.#known;
    throw new DomainError('dependency-unavailable', { detail: 'the forms are not known yet', retryAfterSeconds: 1 });
  }
}

function knownOf(answer: unknown): Known {
  const parsed = formsReplySchema.safeParse(answer);
  if (!parsed.success) throw new Error('the forms that core told are of another shape');
  const reply: LeadFormsReply = parsed.data;
  return {
    publicJwk: toPublicJwk(reply.publicJwk),
    byKey: new Map(reply.forms.map((form) => [form.key, form])),
    text: JSON.stringify(reply),
  };
}
