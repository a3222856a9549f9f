import { createHash } from 'node:crypto';
import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { DomainError, refuse, uuidFromDigest } from '#kernel';
import { importPartSchema, type ImportLine, type ImportReply, type RefusedLine } from '#contracts';
import { allows } from '#policy';
import { CrmCommand, targetOf, type CommandContext } from '../commands/command-context.js';
import type { Plan } from '../commands/command-shell.js';
import { companyAggregate } from '../companies/company.aggregate.js';
import { contactAggregate } from '../contacts/contact.aggregate.js';
import type { ContactEvent, ContactFields } from '../contacts/domain/contact.events.js';
import { CORE_POOL } from '../log/log.module.js';
import { streamChange, type AnyStreamChange } from '../log/crm-log.js';
import { maskedText, personalText, type PersonalText } from '../records/domain/personal-text.js';
import { RecordShell } from '../records/record-shell.js';
import { CompaniesByName } from './companies-by-name.js';
import { contactOfLine } from './domain/import-line.js';

/** Lines of a part that are taken at the same time. */
const AT_ONCE = 8;
/** Refusals that say nothing of the line: the part comes again, or ends the import. */
const OF_THE_PART: ReadonlySet<string> = new Set(['dependency-unavailable', 'unauthenticated', 'internal']);

export class ImportContacts extends CrmCommand {}

/** What is decided about a line before anything is appended. */
interface Planned {
  readonly fields: ContactFields;
  readonly company: PersonalText | null;
  readonly responsibleId: string | null;
}

/**
 * One part of an import. Each line is a creation of its own by the importer, under his rights and under a command id made of the part's: a
 * part that comes again finds what was taken, and takes the rest.
 */
@CommandHandler(ImportContacts)
export class ImportContactsHandler implements ICommandHandler<ImportContacts> {
  constructor(
    private readonly records: RecordShell,
    private readonly companies: CompaniesByName,
    @Inject(CORE_POOL) private readonly pool: Pool,
  ) {}

  async execute({ context }: ImportContacts): Promise<ImportReply> {
    if (!allows(context.principal, 'records', 'import')) refuse('forbidden');
    this.records.requireCreate(context, 'contact');
    const { dryRun, lines } = context.body.parse(importPartSchema);
    const refused: RefusedLine[] = [];
    const left = lines[Symbol.iterator]();
    const worker = async (): Promise<void> => {
      for (const line of left) {
        const code = await this.refusalOf(context, line, dryRun);
        if (code !== undefined) refused.push({ line: line.line, code });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return { ok: true, id: targetOf(context), version: 0, refused: refused.sort((a, b) => a.line - b.line) };
  }

  private async refusalOf(context: CommandContext, line: ImportLine, dryRun: boolean): Promise<string | undefined> {
    try {
      await this.take(context, line, dryRun);
      return undefined;
    } catch (error) {
      if (!(error instanceof DomainError) || OF_THE_PART.has(error.code)) throw error;
      return error.code;
    }
  }

  private async take(context: CommandContext, line: ImportLine, dryRun: boolean): Promise<void> {
    const region = context.authorization.settings.defaultRegion;
    const { fields, named } = contactOfLine(line, region, uuidv7);
    const responsible = named.responsibleEmail === null ? undefined : await this.personOf(named.responsibleEmail);
    const responsibleId = await this.records.responsibleOfNew(context, 'contact', responsible);
    const company = named.company === null ? null : personalText(named.company, region);
    const planned: Planned = { fields, company, responsibleId };
    if (dryRun) {
      await this.planOf(context, planned);
      return;
    }
    const commandId = derivedId('line', context.commandId, String(line.line));
    await this.records.shell.run({ ...context, commandId, expectedVersion: null }, contactAggregate, uuidv7(), () =>
      this.planOf(context, planned),
    );
  }

  private async planOf(context: CommandContext, { fields, company, responsibleId }: Planned): Promise<Plan<ContactEvent>> {
    const of = company === null ? null : await this.companyOf(context, company);
    return {
      events: contactAggregate.decide(
        { type: 'create', fields: { ...fields, companyId: of?.id ?? null }, responsibleId, leadId: null },
        contactAggregate.initialState,
      ),
      together: of?.change === undefined ? [] : [of.change],
    };
  }

  /** The company of that name, or a new one, made in the same append, for one who may create companies. */
  private async companyOf(context: CommandContext, name: PersonalText): Promise<{ id: string; change?: AnyStreamChange }> {
    const masked = maskedText(name);
    const ownId = derivedId('company', targetOf(context), masked.toLowerCase());
    const known = await this.companies.find(context.principal, masked, ownId);
    if (known !== null) return { id: known };
    this.records.requireCreate(context, 'company');
    const events = companyAggregate.decide(
      {
        type: 'create',
        fields: { name, phones: [], emails: [], website: null, address: null, note: null, tags: [], customFields: {} },
        responsibleId: context.principal.userId,
        leadId: null,
      },
      companyAggregate.initialState,
    );
    return { id: ownId, change: streamChange({ aggregate: companyAggregate, id: ownId, version: 0, events }) };
  }

  /** The person who signs in with this e-mail, or `unknown-reference`. A cell may hold a customer's: it is compared here, not in SQL. */
  private async personOf(email: string): Promise<string> {
    const { rows } = await this.pool.query<{ id: string; email: string }>({
      name: 'e-mails of people',
      text: 'SELECT id, lower(email) AS email FROM read.users',
    });
    return rows.find((row) => row.email === email.toLowerCase())?.id ?? refuse('unknown-reference');
  }
}

function derivedId(kind: string, of: string, part: string): string {
  return uuidFromDigest(
    createHash('sha256')
      .update(JSON.stringify(['import', kind, of, part]))
      .digest(),
  );
}
