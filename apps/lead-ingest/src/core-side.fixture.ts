import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  formSecretsContext,
  leadCommittedQuerySchema,
  leadContext,
  leadFormsQuerySchema,
  leadReceivedSchema,
  sealedLeadSchema,
  STREAMS,
  SUBJECTS,
  type IntakeForm,
  type LeadReceived,
  type SealedLead,
} from '#contracts';
import { newReceiverKeys, openEnvelope, sealFor, toPublicJwk, type ReceiverKeys } from '#privacy';
import { freePort, natsProgram, until } from '#testing';

/** A nats-server of a spec's own with the users of core and ingest, on a port that stays the same over restarts. */
export class PrivateBroker {
  #process: ChildProcess | undefined;

  private constructor(
    private readonly folder: string,
    private readonly port: number,
  ) {}

  static async create(): Promise<PrivateBroker> {
    const folder = await mkdtemp(join(tmpdir(), 'palisade-ingest-nats-'));
    const broker = new PrivateBroker(folder, await freePort());
    const ingest = `publish: ["lead.received.*", "lead.forms", "lead.committed"], subscribe: ["forms.changed", "_INBOX_ingest.>"]`;
    const users = `[{ user: core, password: p }, { user: ingest, password: p, permissions: { ${ingest} } }]`;
    const config = `listen: "127.0.0.1:${broker.port}"\njetstream { store_dir: "${folder}/js" }\nauthorization { users: ${users} }\n`;
    await writeFile(join(folder, 'server.conf'), config);
    return broker;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    this.#process = spawn(natsProgram(), ['-c', join(this.folder, 'server.conf')], { stdio: 'ignore' });
    await until(async () => {
      const probe = await connect({ servers: this.url, user: 'core', pass: 'p', timeout: 500 }).catch(() => undefined);
      await probe?.close();
      return probe !== undefined;
    });
  }

  async kill(): Promise<void> {
    const running = this.#process;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const exited = once(running, 'exit');
    running.kill('SIGKILL');
    await exited;
  }

  async remove(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Core's side of the wire as the contract has it: answers for forms, takes leads from the stream, confirms those it has. */
export class CoreSide {
  forms: readonly IntakeForm[] = [];
  /** The secrets of forms, by form id: sealed to who asks. */
  secrets: Readonly<Record<string, string>> = {};
  /** Whether leads that arrive are said to be committed. */
  commits = true;
  /** What arrived, in order, repeats included. */
  readonly arrived: LeadReceived[] = [];
  #connection: NatsConnection | undefined;

  private constructor(private readonly keys: ReceiverKeys) {}

  static async create(forms: readonly IntakeForm[]): Promise<CoreSide> {
    const core = new CoreSide(await newReceiverKeys());
    core.forms = forms;
    return core;
  }

  async join(broker: PrivateBroker): Promise<void> {
    const connection = await connect({
      servers: broker.url,
      user: 'core',
      pass: 'p',
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
    });
    this.#connection = connection;
    connection.subscribe(SUBJECTS.leadForms, {
      callback: (_error, message) => void this.#tellForms(message),
    });
    connection.subscribe(SUBJECTS.leadCommitted, {
      callback: (_error, message) => {
        const { leadIds } = leadCommittedQuerySchema.parse(message.json<{ data: unknown }>().data);
        const has = new Set(this.commits ? this.arrived.map(({ leadId }) => leadId) : []);
        answer(message, { ok: true, committed: leadIds.filter((leadId) => has.has(leadId)) });
      },
    });
    await this.#takeLeads(connection);
  }

  async #tellForms(message: Msg): Promise<void> {
    const { requestId, replyJwk } = leadFormsQuerySchema.required().parse(message.json<{ data: unknown }>().data);
    const secrets = await sealFor(toPublicJwk(replyJwk), JSON.stringify(this.secrets), formSecretsContext(requestId));
    answer(message, { ok: true, publicJwk: this.keys.publicJwk, forms: this.forms, secrets });
  }

  async leave(): Promise<void> {
    await this.#connection?.close();
  }

  /** Loses the stream with all that it remembers, and begins it anew. */
  async loseStream(): Promise<void> {
    if (this.#connection === undefined) throw new Error('not joined');
    await (await jetstreamManager(this.#connection)).streams.delete(STREAMS.leads.name);
    await this.#takeLeads(this.#connection);
  }

  /** Loses what the stream holds; the ids of its messages are remembered, so that none is taken again under its own. */
  async loseMessages(): Promise<void> {
    if (this.#connection === undefined) throw new Error('not joined');
    await (await jetstreamManager(this.#connection)).streams.purge(STREAMS.leads.name);
  }

  async #takeLeads(connection: NatsConnection): Promise<void> {
    const manager = await jetstreamManager(connection);
    await manager.streams.add({ name: STREAMS.leads.name, subjects: [...STREAMS.leads.subjects] });
    const ordered = await manager.consumers.add(STREAMS.leads.name, { ack_policy: AckPolicy.None });
    const consumer = await jetstream(connection).consumers.get(STREAMS.leads.name, ordered.name);
    await consumer.consume({ callback: (message) => void this.arrived.push(leadReceivedSchema.parse(message.json())) });
  }

  /** Says to ingest that a form changed. */
  async tellChanged(): Promise<void> {
    this.#connection?.publish(SUBJECTS.formsChanged);
    await this.#connection?.flush();
  }

  async open({ leadId, sealed }: LeadReceived): Promise<SealedLead> {
    const plain = await openEnvelope(this.keys.privateKey, sealed, leadContext(leadId));
    return sealedLeadSchema.parse(JSON.parse(new TextDecoder().decode(plain)));
  }
}

/** Replies as Nest's microservice over NATS does. */
function answer(message: Msg, response: unknown): void {
  message.respond(JSON.stringify({ id: message.json<{ id: string }>().id, response, isDisposed: true }));
}
