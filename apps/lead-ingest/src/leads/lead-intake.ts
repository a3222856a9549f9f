import { createHash } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { leadContext, type IntakeForm } from '#contracts';
import { refuseField, uuidFromDigest } from '#kernel';
import { parseJsonBody } from '#platform';
import { sealFor } from '#privacy';
import type { FormBook } from '../forms/form-book.js';
import type { SpoolKeys } from '../spool/spool.keys.js';
import type { Spool } from '../spool/spool.js';
import { leadOf, MAX_KEY_LENGTH } from './lead.intake.js';

export interface Submission {
  readonly form: IntakeForm;
  readonly ip: string;
  /** The body as it came. */
  readonly body: Buffer | undefined;
  readonly mediaType: string | undefined;
  /** The header `Idempotency-Key`. */
  readonly idempotencyKey: string | undefined;
  readonly receivedAt: Date;
}

/** Takes a lead in: reads it, seals it to core at once and puts it on disk. */
export class LeadIntake {
  constructor(
    private readonly spool: Spool,
    private readonly keys: SpoolKeys,
    private readonly book: FormBook,
  ) {}

  /**
   * Returns the lead's id once it is safe on disk; the same id for a submission sent again. Throws DomainError:
   * `unsupported-media-type`, `malformed-body`, `validation-failed`, `consent-required`, `idempotency-key-reused`, `spool-full`,
   * `dependency-unavailable`.
   */
  async accept(submission: Submission): Promise<string> {
    const { form, ip, body, receivedAt } = submission;
    checkKey(submission.idempotencyKey);
    const draft = leadOf(parseJsonBody(body, submission.mediaType), { requireConsent: form.requireConsent, ip });
    const key = submission.idempotencyKey ?? draft.submissionId;
    const leadId = key === null ? uuidv7() : leadIdOf(form.id, key);
    await this.spool.store({
      leadId,
      formId: form.id,
      receivedAt: receivedAt.toISOString(),
      sealed: await sealFor(this.book.publicJwk, JSON.stringify(draft.lead.expose()), leadContext(leadId)),
      bodyMac: key === null || body === undefined ? null : this.keys.macOf(body),
    });
    return leadId;
  }
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
