import type { Pool } from 'pg';
import { formSecretsContext, type IntakeForm, type LeadFormsQuery, type LeadFormsReply } from '#contracts';
import { sealFor, toPublicJwk, type ReceiverKeys } from '#privacy';
import type { CrmLog } from '../log/crm-log.js';
import type { FormFields } from './domain/form.events.js';
import { formSecretAggregate } from './form.aggregate.js';

/** Secrets opened at a time: a company has few such forms. */
const SECRETS_AT_ONCE = 16;

interface FormRow {
  id: string;
  key: string;
  name: string;
  enabled: boolean;
  settings: Omit<FormFields, 'name' | 'enabled'>;
}

/** What ingest is told of the forms; their secrets sealed to the ingest that asks, so that the broker carries none. */
export class IntakeForms {
  constructor(
    private readonly pool: Pool,
    private readonly log: CrmLog,
    private readonly receiver: ReceiverKeys,
  ) {}

  async tell({ requestId, replyJwk }: LeadFormsQuery): Promise<LeadFormsReply> {
    const forms = await this.all();
    const reply = { ok: true as const, publicJwk: { ...this.receiver.publicJwk } };
    // An older ingest would take unsigned leads, and bodies in a spelling that it does not know.
    if (requestId === undefined || replyJwk === undefined)
      return { ...reply, forms: forms.filter(({ requireSignature, format }) => !requireSignature && format === 'palisade') };
    const secrets = await this.secretsOf(forms.filter(({ requireSignature }) => requireSignature).map(({ id }) => id));
    const sealed = await sealFor(toPublicJwk(replyJwk), JSON.stringify(secrets), formSecretsContext(requestId));
    return { ...reply, forms, secrets: sealed };
  }

  private async all(): Promise<readonly IntakeForm[]> {
    const result = await this.pool.query<FormRow>('SELECT id, key, name, enabled, settings FROM read.forms WHERE NOT deleted');
    return result.rows.map(({ id, key, name, enabled, settings }) => ({
      ...{ id, key, name, enabled },
      allowedOrigins: settings.allowedOrigins,
      requireConsent: settings.requireConsent,
      requireSignature: settings.requireSignature,
      quarantineAfter: settings.quarantineAfter,
      successUrl: settings.successUrl,
      format: settings.format,
    }));
  }

  private async secretsOf(ids: readonly string[]): Promise<Readonly<Record<string, string>>> {
    const secrets: Record<string, string> = {};
    for (let from = 0; from < ids.length; from += SECRETS_AT_ONCE) {
      await Promise.all(
        ids.slice(from, from + SECRETS_AT_ONCE).map(async (id) => {
          const { secret } = (await this.log.load(formSecretAggregate, id)).state;
          if (secret !== null) secrets[id] = secret.expose();
        }),
      );
    }
    return secrets;
  }
}
