import { createHash, randomUUIDv7 } from 'node:crypto';
import { leadContext, type IntakeForm, type QuarantineReason, type SealedLead } from '#contracts';
import { refuse, refuseField, uuidFromDigest } from '#kernel';
import { EnvelopeSender } from '#privacy';
import { addressGroup } from '../door/client-address.js';
import type { RateWindow } from '../door/rate-window.js';
import type { FormBook } from '../forms/form-book.js';
import type { SpoolKeys } from '../spool/spool.keys.js';
import type { Spool } from '../spool/spool.js';
import { bodyFrom } from './formats/index.js';
import { readBody } from './lead.body.js';
import { leadOf, MAX_KEY_LENGTH, type LeadDraft } from './lead.reading.js';
import { heldSignature, type HeldSignature } from './lead.signature.js';

export interface Submission {
  readonly form: IntakeForm;
  readonly ip: string;
  /** The body as it came. */
  readonly body: Buffer | undefined;
  readonly mediaType: string | undefined;
  /** The header `Idempotency-Key`. */
  readonly idempotencyKey: string | undefined;
  /** The header `Palisade-Signature`. */
  readonly signature: string | undefined;
  readonly receivedAt: Date;
}

/**
 * Leads that come together share a sender's key pair: for a tenth of a second, as long as their own bodies are in this memory anyway. After
 * that nobody here can open them (ADR 29).
 */
const PAIR_USED_MS = 100;
const PAIR_USED_TIMES = 256;

/** Takes a lead in: reads it, seals it to core at once and puts it on disk. */
export class LeadIntake {
  readonly #sender = new EnvelopeSender({ usedMs: PAIR_USED_MS, usedTimes: PAIR_USED_TIMES });

  constructor(
    private readonly spool: Spool,
    private readonly keys: SpoolKeys,
    private readonly book: FormBook,
    /** Leads an hour by form and address; who is over is put aside, not refused. */
    private readonly hourly: RateWindow,
  ) {}

  /**
   * Returns the lead's id once it is safe on disk; the same id for a submission sent again; null for a request that only tries whether
   * somebody is there. Throws DomainError: `invalid-signature`, `unsupported-media-type`, `malformed-body`, `validation-failed`,
   * `consent-required`, `idempotency-key-reused`, `spool-full`, `dependency-unavailable`.
   */
  async accept(submission: Submission): Promise<string | null> {
    const { form, body, receivedAt } = submission;
    const signature = this.#requireSignature(submission);
    checkKey(submission.idempotencyKey);
    const draft = await draftOf(submission);
    if (draft === null) return null;
    const key = submission.idempotencyKey ?? draft.submissionId ?? (signature === null ? null : `signature ${signature.hex}`);
    const leadId = key === null ? randomUUIDv7() : leadIdOf(form.id, key);
    const lead = withReason(draft.lead.expose(), this.#quarantine(submission, draft));
    await this.spool.store({
      leadId,
      formId: form.id,
      receivedAt: receivedAt.toISOString(),
      sealed: this.#sender.seal(this.book.publicJwk, JSON.stringify(lead), leadContext(leadId)),
      bodyMac: key === null || body === undefined ? null : this.keys.macOf(body),
      signed: signature === null ? null : this.#signedAs(form, signature, leadId),
    });
    return leadId;
  }

  #requireSignature({ form, body, signature, receivedAt }: Submission): HeldSignature | null {
    if (!form.requireSignature) return null;
    const secret = this.book.secretOf(form.id);
    const held = secret === null ? null : heldSignature(signature, secret, body ?? new Uint8Array(), receivedAt.getTime());
    return held ?? refuse('invalid-signature');
  }

  /** One signature is one lead: sent again under another key, which it does not cover, it is refused. */
  #signedAs(form: IntakeForm, { hex }: HeldSignature, leadId: string): { readonly id: string; readonly mac: Uint8Array } {
    return { id: leadIdOf(form.id, `signed ${hex}`), mac: this.keys.macOf(Buffer.from(leadId)) };
  }

  #quarantine({ form, ip }: Submission, draft: LeadDraft): QuarantineReason | undefined {
    const isOver =
      form.quarantineAfter !== null && this.hourly.take(`${form.id} ${addressGroup(ip)}`, form.quarantineAfter) !== 0;
    if (draft.isTrapped) return 'honeypot';
    return isOver ? 'rate' : undefined;
  }
}

/** The lead of a body in the form's spelling; null for a probe. */
async function draftOf({ form, ip, body, mediaType, receivedAt }: Submission): Promise<LeadDraft | null> {
  const read = await readBody(body, mediaType);
  const context = { requireConsent: form.requireConsent, ip, receivedAt: receivedAt.toISOString() };
  if (form.format !== 'palisade') {
    const value = bodyFrom(form.format, read, receivedAt);
    return value === 'probe' ? null : leadOf(value, { ...context, isFlat: false });
  }
  return read.kind === 'json'
    ? leadOf(read.value, { ...context, isFlat: false })
    : leadOf(Object.fromEntries(read.fields), { ...context, isFlat: true });
}

function withReason(lead: SealedLead, quarantineReason: QuarantineReason | undefined): SealedLead {
  return quarantineReason === undefined ? lead : { ...lead, quarantineReason };
}

/** The lead of a form and a key is the same one whichever instance takes it. */
function leadIdOf(formId: string, key: string): string {
  return uuidFromDigest(createHash('sha256').update(`${formId}|${key}`).digest());
}

function checkKey(key: string | undefined): void {
  if (key !== undefined && (key.length < 1 || key.length > MAX_KEY_LENGTH)) {
    refuseField('validation-failed', 'Idempotency-Key', `Send a key of 1 to ${MAX_KEY_LENGTH} characters.`);
  }
}
