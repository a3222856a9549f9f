import type { Terminal } from './terminal.js';

/** What was expected, held against what was seen. */
export class Findings {
  readonly #unmet: string[] = [];

  constructor(private readonly terminal: Terminal) {}

  /** What was not as expected, in order. */
  get unmet(): readonly string[] {
    return this.#unmet;
  }

  /** Says whether it holds, and remembers when it does not. `seen` is shown in both cases. */
  expect(expectation: string, holds: boolean, seen = ''): void {
    const text = seen === '' ? expectation : `${expectation}: ${seen}`;
    if (!holds) this.#unmet.push(text);
    this.terminal.finding(holds, text);
  }
}
