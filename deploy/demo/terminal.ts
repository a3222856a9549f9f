import { styleText } from 'node:util';

const BAR_WIDTH = 28;
const REDRAWN_AFTER_MS = 80;

/** `█████░░░░░` of the given width in characters. Nothing to do counts as done. */
export function bar(done: number, total: number, width: number): string {
  const share = total <= 0 ? 1 : Math.min(1, Math.max(0, done / total));
  const full = Math.floor(share * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}

/** The quarters (0 to 4) of the work that are complete. */
export function quarters(done: number, total: number): number {
  return total <= 0 ? 4 : Math.min(4, Math.floor((done * 4) / total));
}

/** `1,234` as English prints it. */
function grouped(count: number): string {
  return count.toLocaleString('en');
}

/** Where the demonstration is shown: colours and lines that change on a terminal, plain lines elsewhere. */
export class Terminal {
  readonly #out: NodeJS.WriteStream;
  #liveShown = false;
  #lastLive = 0;

  constructor(out: NodeJS.WriteStream = process.stdout) {
    this.#out = out;
  }

  get isLive(): boolean {
    return this.#out.isTTY === true;
  }

  heading(text: string): void {
    this.line('');
    this.line(this.#styled(['bold', 'cyan'], text));
  }

  line(text: string): void {
    this.#clearLive();
    this.#out.write(`${text}\n`);
  }

  /** Something said beside the matter. */
  note(text: string): void {
    this.line(this.#styled(['dim'], `  ${text}`));
  }

  /** Something that rings. */
  alarm(text: string): void {
    this.line(this.#styled(['bold', 'red'], `  ! ${text}`));
  }

  finding(holds: boolean, text: string): void {
    this.line(holds ? `${this.#styled(['green'], '  ✓')} ${text}` : this.#styled(['bold', 'red'], `  ✗ ${text}`));
  }

  /** The changing last line of a terminal, redrawn at most every 80 ms; elsewhere nothing. */
  live(text: string): void {
    if (!this.isLive || performance.now() - this.#lastLive < REDRAWN_AFTER_MS) return;
    this.#lastLive = performance.now();
    // A line that wraps could not be taken back.
    const columns = Math.max(20, (this.#out.columns || 80) - 1);
    this.#out.write(`\r\u001b[2K${[...text].slice(0, columns).join('')}`);
    this.#liveShown = true;
  }

  progress(name: string, total: number): ProgressBar {
    return new ProgressBar(this, name, total);
  }

  #clearLive(): void {
    if (this.#liveShown) this.#out.write('\r\u001b[2K');
    this.#liveShown = false;
    this.#lastLive = 0;
  }

  #styled(format: Parameters<typeof styleText>[0], text: string): string {
    return styleText(format, text, { stream: this.#out });
  }
}

/** How far a piece of work is: a bar on a terminal, elsewhere a line for each quarter. */
export class ProgressBar {
  readonly #startedAt = performance.now();
  #done = 0;
  #quartersSaid = 0;

  constructor(
    private readonly terminal: Terminal,
    private readonly name: string,
    private readonly total: number,
  ) {}

  /** One more is done; `extra` stands behind the figures. */
  advance(extra = ''): void {
    this.#done += 1;
    this.terminal.live(`  ${this.name} ${bar(this.#done, this.total, BAR_WIDTH)} ${this.#figures()}${extra}`);
    const complete = quarters(this.#done, this.total);
    if (this.terminal.isLive || complete === this.#quartersSaid || complete === 4) return;
    this.#quartersSaid = complete;
    this.terminal.line(`  ${this.name} ${this.#figures()}${extra}`);
  }

  /** Leaves one line of the whole. */
  end(): void {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const rate = seconds > 0 ? ` (${grouped(Math.round(this.#done / seconds))} a second)` : '';
    this.terminal.line(`  ${this.name} ${this.#figures()} in ${seconds.toFixed(1)} s${rate}`);
  }

  #figures(): string {
    return `${grouped(this.#done)}/${grouped(this.total)}`;
  }
}
