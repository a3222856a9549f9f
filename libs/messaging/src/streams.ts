import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { reasonOf, brokerUnavailable, type Broker } from './broker.js';

export const API_TIMEOUT_MS = 2_000;
/** `err_code` of nats-server: the name is taken by a stream of another configuration. */
const STREAM_NAME_IN_USE = 10058;

/** `err_code` of nats-server (errors.json): the message could not be deleted; its words tell why. */
const DELETE_FAILED = 10057;
/** `err_code` of nats-server (errors.json): there was nothing to delete under the sequence. */
const SEQUENCE_NOT_FOUND = 10043;

/** A stream as it should be: on disk, bounded by age and size, the oldest dropped first. */
export interface StreamDefinition {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly maxAgeMs: number;
  /** -1 for no bound. */
  readonly maxBytes?: number;
  /** How long `Nats-Msg-Id` is remembered; at most `maxAgeMs`. */
  readonly duplicateWindowMs: number;
}

export interface ProvisionedStream {
  readonly name: string;
  readonly created: boolean;
  /** The stream's own time of creation, RFC 3339: its incarnation. */
  readonly createdAt: string;
  /** Settings that the server holds differently from what was asked (2.9 ignores what it does not know). */
  readonly differs: readonly string[];
}

/** The JetStream API of the live connection. Throws DomainError `dependency-unavailable` when disconnected. */
export function streamManager(broker: Broker): Promise<JetStreamManager> {
  return jetstreamManager(broker.connected, { checkAPI: false, timeout: API_TIMEOUT_MS });
}

/** True for the server's answer that it has no such stream, or no such consumer. */
export function isMissing(error: unknown): boolean {
  return (
    error instanceof JetStreamApiError &&
    (error.code === JetStreamApiCodes.StreamNotFound || error.code === JetStreamApiCodes.ConsumerNotFound)
  );
}

/** The id (`Nats-Msg-Id`) of the last message of a stream; undefined when it holds none. Throws as the JetStream API does. */
export async function lastMessageId(broker: Broker, stream: string): Promise<string | undefined> {
  const manager = await streamManager(broker);
  const { state } = await manager.streams.info(stream);
  if (state.messages === 0) return undefined;
  const last = await manager.streams.getMessage(stream, { seq: state.last_seq });
  return last?.header.get('Nats-Msg-Id');
}

/**
 * Takes one message out of a stream and overwrites it on the broker's disk. One that is gone already is no error. Throws what the
 * broker refused with, or a timeout.
 */
export async function eraseMessage(broker: Broker, stream: string, sequence: number): Promise<void> {
  try {
    await (await streamManager(broker)).streams.deleteMessage(stream, sequence, true);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

function isGone(error: unknown): boolean {
  if (!(error instanceof JetStreamApiError)) return false;
  return error.code === SEQUENCE_NOT_FOUND || (error.code === DELETE_FAILED && error.message.includes('no message found'));
}

/**
 * Creates the streams that are missing and adds missing subjects to those that exist; deletes, shrinks and replaces nothing.
 * May run at the same time in several instances. Throws DomainError `dependency-unavailable` when the broker is away.
 */
export async function provisionStreams(broker: Broker, definitions: readonly StreamDefinition[]): Promise<ProvisionedStream[]> {
  const provisioned: ProvisionedStream[] = [];
  for (const definition of definitions) provisioned.push(await provision(broker, definition));
  return provisioned;
}

async function provision(broker: Broker, definition: StreamDefinition): Promise<ProvisionedStream> {
  try {
    const manager = await streamManager(broker);
    const existing = await manager.streams.info(definition.name).catch(undefinedIfMissing);
    const created = existing === undefined;
    const info = existing === undefined ? await create(manager, definition) : await widen(manager, existing, definition);
    return { name: definition.name, created, createdAt: info.created, differs: differences(info.config, definition) };
  } catch (error) {
    broker.log('broker-error', { stream: definition.name, reason: reasonOf(error) });
    throw error instanceof JetStreamApiError && error.status === 400 ? error : brokerUnavailable();
  }
}

function undefinedIfMissing(error: unknown): undefined {
  if (isMissing(error)) return undefined;
  throw error;
}

async function create(manager: JetStreamManager, definition: StreamDefinition): Promise<StreamInfo> {
  try {
    return await manager.streams.add(configOf(definition));
  } catch (error) {
    // Another instance was quicker, with another version of the definition.
    if (error instanceof JetStreamApiError && error.code === STREAM_NAME_IN_USE) return manager.streams.info(definition.name);
    throw error;
  }
}

async function widen(manager: JetStreamManager, info: StreamInfo, definition: StreamDefinition): Promise<StreamInfo> {
  const missing = definition.subjects.filter((subject) => !info.config.subjects.includes(subject));
  if (missing.length === 0) return info;
  return manager.streams.update(definition.name, { ...info.config, subjects: [...info.config.subjects, ...missing] });
}

function configOf(definition: StreamDefinition): Partial<StreamConfig> & { name: string } {
  return {
    name: definition.name,
    subjects: [...definition.subjects],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    max_age: nanos(definition.maxAgeMs),
    max_bytes: definition.maxBytes ?? -1,
    duplicate_window: nanos(definition.duplicateWindowMs),
  };
}

function differences(held: StreamConfig, definition: StreamDefinition): string[] {
  const asked = configOf(definition);
  const settings = ['storage', 'retention', 'discard', 'max_age', 'max_bytes', 'duplicate_window'] as const;
  const differing: string[] = settings.filter((setting) => held[setting] !== asked[setting]);
  if (!definition.subjects.every((subject) => held.subjects.includes(subject))) differing.push('subjects');
  return differing;
}
