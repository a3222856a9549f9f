import { randomBytes } from 'node:crypto';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { refuse, refuseField } from '#kernel';
import type { AcceptedReply } from '#contracts';
import { allows } from '#policy';
import { naming, whileTheyStand } from '../authz/references.js';
import { CrmCommand, refuseNumber, targetOf, unsealedText, type CommandContext } from '../commands/command-context.js';
import { CommandShell } from '../commands/command-shell.js';
import { RecordReferences } from '../records/record-references.js';
import { changeFormBody, createFormBody } from './domain/form.commands.js';
import type { FormFields } from './domain/form.events.js';
import { formAggregate } from './form.aggregate.js';
import { FormChanges } from './form-changes.js';

/** 144 random bits: a form's key cannot be guessed. */
const KEY_BYTES = 18;

export class CreateForm extends CrmCommand {}
export class ChangeForm extends CrmCommand {}

/** What a form refers to exists. Throws `unknown-reference` or `responsible-inactive`. */
export class FormReferences {
  constructor(
    private readonly pool: Pool,
    private readonly references: RecordReferences,
  ) {}

  async require({ pipelineId, stageId, assign }: Pick<FormFields, 'pipelineId' | 'stageId' | 'assign'>): Promise<void> {
    if (pipelineId !== null || stageId !== null) {
      await this.references.resolveStage(pipelineId ?? undefined, stageId ?? undefined);
    }
    if (assign !== null && 'userId' in assign) await this.references.requireActive(assign.userId);
    if (assign !== null && 'departmentId' in assign) {
      const found = await this.pool.query('SELECT 1 FROM read.departments WHERE id = $1', [assign.departmentId]);
      if (found.rowCount === 0) refuseField('unknown-reference', 'assign.departmentId', 'No such department');
    }
  }
}

interface FormTexts {
  readonly name?: string | undefined;
  readonly titleTemplate?: string | undefined;
  readonly successUrl?: string | null | undefined;
  readonly allowedOrigins?: readonly string[] | undefined;
}

/** A form's own words stand in every title that it makes, and its URLs go to ingest: no number in them. */
function masked<Body extends FormTexts>(context: CommandContext, body: Body): Body {
  if (typeof body.successUrl === 'string') refuseNumber(context, 'successUrl', body.successUrl);
  body.allowedOrigins?.forEach((origin, index) => refuseNumber(context, `allowedOrigins.${index}`, origin));
  return {
    ...body,
    ...(body.name === undefined ? {} : { name: unsealedText(context, body.name) }),
    ...(body.titleTemplate === undefined ? {} : { titleTemplate: unsealedText(context, body.titleTemplate) }),
  };
}

const departmentNamed = ({ assign }: Partial<FormFields>): string | null =>
  assign !== undefined && assign !== null && 'departmentId' in assign ? assign.departmentId : null;

@CommandHandler(CreateForm)
export class CreateFormHandler implements ICommandHandler<CreateForm> {
  constructor(
    private readonly shell: CommandShell,
    private readonly references: FormReferences,
    private readonly changes: FormChanges,
  ) {}

  async execute({ context }: CreateForm): Promise<AcceptedReply> {
    if (!allows(context.principal, 'forms', 'edit')) refuse('forbidden');
    const {
      requireSignature: _signature,
      quarantine: _quarantine,
      format: _format,
      ...fields
    } = masked(context, context.body.parse(createFormBody));
    const key = `frm_${randomBytes(KEY_BYTES).toString('base64url')}`;
    const id = uuidv7();
    const reply = await whileTheyStand(async () => {
      await this.references.require(fields);
      return this.shell.run(context, formAggregate, id, ({ state }) => ({
        events: formAggregate.decide({ type: 'create', fields, key }, state),
        ...naming([], departmentNamed(fields)),
      }));
    });
    this.changes.announce();
    return reply;
  }
}

@CommandHandler(ChangeForm)
export class ChangeFormHandler implements ICommandHandler<ChangeForm> {
  constructor(
    private readonly shell: CommandShell,
    private readonly references: FormReferences,
    private readonly changes: FormChanges,
  ) {}

  async execute({ context }: ChangeForm): Promise<AcceptedReply> {
    if (!allows(context.principal, 'forms', 'edit')) refuse('forbidden');
    const change = (): Promise<AcceptedReply> =>
      this.shell.run(context, formAggregate, targetOf(context), async ({ state }) => {
        if (state.phase === 'none') return refuse('not-found');
        const {
          requireSignature: _signature,
          quarantine: _quarantine,
          format: _format,
          ...parsed
        } = masked(context, context.body.parse(changeFormBody));
        const changes = parsed as Partial<FormFields>;
        await this.references.require({ ...state.fields, ...changes });
        return { events: formAggregate.decide({ type: 'change', changes }, state), ...naming([], departmentNamed(changes)) };
      });
    const reply = await whileTheyStand(change);
    this.changes.announce();
    return reply;
  }
}
