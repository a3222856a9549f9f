import { fork, type ChildProcess, type Serializable } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

type Question = { readonly id: number; readonly name: string; readonly input: Serializable };
type Answer = { readonly id: number; readonly output?: Serializable; readonly error?: string };

/** A process of the bench: a generator, a floor or a peer. It ends when the bench ends, however that happens. */
export class BenchProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (output: unknown) => void; reject: (error: Error) => void }>();
  #last = 0;

  /** Starts a compiled file of this folder. */
  constructor(readonly file: string) {
    this.#child = fork(join(import.meta.dirname, file), { serialization: 'advanced' });
    this.#child.on('message', (answer: Answer) => this.#settle(answer));
    this.#child.on('error', (error) => this.#fail(error.message));
    this.#child.on('exit', (code, signal) => this.#fail(`ended (${signal ?? `exit code ${code}`})`));
  }

  /** Calls a handler of the process. Rejects with its error, when the process ends, and after `timeoutMs`. */
  async ask<Output>(name: string, input: unknown, timeoutMs: number): Promise<Output> {
    this.#last += 1;
    const id = this.#last;
    const late = new AbortController();
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    const timeout = sleep(timeoutMs, undefined, { signal: late.signal }).then(() => {
      throw new Error(`${this.file} did not answer ${name} within ${timeoutMs} ms`);
    });
    timeout.catch(() => undefined);
    try {
      const question: Question = { id, name, input: input as Serializable };
      this.#child.send(question, (error) => error && this.#fail(error.message));
      return (await Promise.race([answer, timeout])) as Output;
    } finally {
      late.abort();
      this.#waiting.delete(id);
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }

  #settle({ id, output, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    if (error === undefined) waiting?.resolve(output);
    else waiting?.reject(new Error(`${this.file}: ${error}`));
  }

  #fail(what: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(`${this.file} ${what}`));
  }
}

/** The other end, in the process itself: answers questions by name. */
export function answerWith(handlers: Readonly<Record<string, (input: never) => Promise<unknown>>>): void {
  process.on('disconnect', () => process.exit(0));
  // A Ctrl-C in the terminal goes to the whole group; the bench decides when this process ends.
  process.on('SIGINT', () => undefined);
  process.on('message', (question: Question) => {
    const handler = handlers[question.name] as ((input: unknown) => Promise<unknown>) | undefined;
    const send = (answer: Answer): void => void process.send?.(answer);
    (handler === undefined ? Promise.reject(new Error(`no handler ${question.name}`)) : handler(question.input)).then(
      (output) => send({ id: question.id, output: output as Serializable }),
      (error: unknown) => send({ id: question.id, error: error instanceof Error ? error.message : String(error) }),
    );
  });
}
