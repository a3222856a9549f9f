import { randomBytes } from 'node:crypto';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { v7 as uuidv7 } from 'uuid';
import { refuse, Secret } from '#kernel';
import type { AcceptedReply } from '#contracts';
import { allows } from '#policy';
import { naming, whileTheyStand } from '../authz/references.js';
import { CrmCommand, refuseNumber, targetOf, unsealedText, type CommandContext } from '../commands/command-context.js';
import { CommandShell } from '../commands/command-shell.js';
import { streamChange, type AnyStreamChange } from '../log/crm-log.js';
import { changeFormBody, createFormBody } from './domain/form.commands.js';
import type { FormFields } from './domain/form.events.js';
import { formAggregate, formSecretAggregate } from './form.aggregate.js';
import { FormChanges } from './form-changes.js';
import { FormReferences } from './form-references.js';

/** 144 random bits: a form's key cannot be guessed. */
const KEY_BYTES = 18;
/** 256 random bits, as many as HMAC-SHA256 makes use of. */
const SECRET_BYTES = 32;

export class CreateForm extends CrmCommand {}
export class ChangeForm extends CrmCommand {}
export class RotateFormKey extends CrmCommand {}
export class DeleteForm extends CrmCommand {}

function requireEdit({ principal }: CommandContext): void {
  if (!allows(principal, 'forms', 'edit')) refuse('forbidden');
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

const newKey = (): string => `frm_${randomBytes(KEY_BYTES).toString('base64url')}`;

/** The secret of a form from now on, in its own stream. */
function secretSet(formId: string, version: number, given: string | undefined): AnyStreamChange {
  const secret = new Secret(given ?? `fsk_${randomBytes(SECRET_BYTES).toString('base64url')}`);
  const set = formSecretAggregate.decide(
    { type: 'set', secret, generated: given === undefined },
    formSecretAggregate.initialState,
  );
  return streamChange({ aggregate: formSecretAggregate, id: formId, version, events: set });
}

@CommandHandler(CreateForm)
export class CreateFormHandler implements ICommandHandler<CreateForm> {
  constructor(
    private readonly shell: CommandShell,
    private readonly references: FormReferences,
    private readonly changes: FormChanges,
  ) {}

  async execute({ context }: CreateForm): Promise<AcceptedReply> {
    requireEdit(context);
    const { secret, ...fields } = masked(context, context.body.parse(createFormBody));
    const id = uuidv7();
    const isSecretSet = secret !== undefined || fields.requireSignature;
    const reply = await whileTheyStand(async () => {
      await this.references.require(fields);
      return this.shell.run(context, formAggregate, id, ({ state }) => ({
        events: formAggregate.decide({ type: 'create', fields, key: newKey(), hasSecret: isSecretSet }, state),
        ...naming([], departmentNamed(fields)),
        together: isSecretSet ? [secretSet(id, 0, secret)] : [],
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
    requireEdit(context);
    const id = targetOf(context);
    const change = (): Promise<AcceptedReply> =>
      this.shell.run(context, formAggregate, id, async ({ state }) => {
        if (state.phase !== 'live') return refuse('not-found');
        const { secret, ...parsed } = masked(context, context.body.parse(changeFormBody));
        const changes = parsed as Partial<FormFields>;
        await this.references.require({ ...state.fields, ...changes });
        const { state: before, version } = await this.shell.log.load(formSecretAggregate, id);
        const hasSecret = secret !== undefined || before.secret !== null;
        const events = formAggregate.decide({ type: 'change', changes, hasSecret }, state);
        const together = secret === undefined ? [] : [secretSet(id, version, secret)];
        return { events, ...naming([], departmentNamed(changes)), together };
      });
    const reply = await whileTheyStand(change);
    this.changes.announce();
    return reply;
  }
}

/** `POST /v1/forms/:id/rotate-key`: the key before is dead at once. */
@CommandHandler(RotateFormKey)
export class RotateFormKeyHandler implements ICommandHandler<RotateFormKey> {
  constructor(
    private readonly shell: CommandShell,
    private readonly changes: FormChanges,
  ) {}

  async execute({ context }: RotateFormKey): Promise<AcceptedReply> {
    requireEdit(context);
    const reply = await this.shell.run(context, formAggregate, targetOf(context), ({ state }) => ({
      events: formAggregate.decide({ type: 'rotate-key', key: newKey() }, state),
    }));
    this.changes.announce();
    return reply;
  }
}

@CommandHandler(DeleteForm)
export class DeleteFormHandler implements ICommandHandler<DeleteForm> {
  constructor(
    private readonly shell: CommandShell,
    private readonly changes: FormChanges,
  ) {}

  async execute({ context }: DeleteForm): Promise<AcceptedReply> {
    requireEdit(context);
    const reply = await this.shell.run(context, formAggregate, targetOf(context), ({ state }) => ({
      events: formAggregate.decide({ type: 'delete' }, state),
    }));
    this.changes.announce();
    return reply;
  }
}
