import { BenchProcess } from '../child-process.js';
import type { Round } from '../rounds.js';

export interface LoadRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpLoad {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  /** One list for each connection, gone through again and again. */
  readonly requests: ReadonlyArray<readonly LoadRequest[]>;
  /** Any other answer makes the round void. */
  readonly expectedStatus: number;
}

/** The load generator, in a process of its own: the same for ours and for every floor behind HTTP. */
export class HttpLoadGenerator {
  readonly #process = new BenchProcess('load/generator.js');

  run(load: HttpLoad): Promise<Round> {
    return this.#process.ask('run', load, load.seconds * 1000 + 30_000);
  }

  stop(): Promise<void> {
    return this.#process.stop();
  }
}
