import { spawn, type IPty } from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { Conditions } from './conditions.js';

/** DECTCEM. */
const CURSOR_MODE = 25;

export interface TerminalSize {
  readonly columns: number;
  readonly lines: number;
}

/** A program in its own terminal, observed as the text on the screen. */
export class Terminal implements Disposable {
  readonly #screen: xterm.Terminal;
  readonly #process: IPty;
  readonly #conditions = new Conditions();
  #status: number | undefined;
  #isCursorShown = true;

  constructor(command: string, args: readonly string[], env: Record<string, string>, size: TerminalSize) {
    const { columns: cols, lines: rows } = size;
    this.#screen = new xterm.Terminal({ cols, rows, allowProposedApi: true });
    this.#watchCursor();
    this.#process = spawn(command, [...args], { name: 'xterm-256color', cols, rows, env });
    this.#process.onData((data) => this.#screen.write(data, () => this.#conditions.check()));
    this.#process.onExit(({ exitCode }) => {
      this.#status = exitCode;
      this.#screen.write('', () => {
        this.#conditions.check();
        this.#conditions.giveUp(new Error(`the program ended with ${exitCode}:\n${this.text}`));
      });
    });
  }

  /** The screen, without blanks at the ends of lines. */
  get text(): string {
    const { active } = this.#screen.buffer;
    const lines = Array.from({ length: this.#screen.rows }, (_, row) => active.getLine(active.viewportY + row));
    return lines.map((line) => line?.translateToString(true) ?? '').join('\n');
  }

  /** Whether the program uses the alternate screen. */
  get isCovered(): boolean {
    return this.#screen.buffer.active.type === 'alternate';
  }

  /** The last visibility of the cursor. */
  get isCursorShown(): boolean {
    return this.#isCursorShown;
  }

  /** Exit status; `undefined` while it runs. */
  get status(): number | undefined {
    return this.#status;
  }

  type(keys: string): void {
    this.#process.write(keys);
  }

  resize({ columns, lines }: TerminalSize): void {
    this.#screen.resize(columns, lines);
    this.#process.resize(columns, lines);
  }

  /** Sends the program a signal. */
  kill(signal: string): void {
    this.#process.kill(signal);
  }

  /** Resolves once the screen shows it. */
  shows(text: string | RegExp): Promise<void> {
    return this.#conditions.until(() => (typeof text === 'string' ? this.text.includes(text) : text.test(this.text)));
  }

  /** Resolves with the exit status, when all output is on the screen. */
  async ended(): Promise<number> {
    await this.#conditions.until(() => this.#status !== undefined);
    return this.#status!;
  }

  #watchCursor(): void {
    for (const final of ['h', 'l']) {
      this.#screen.parser.registerCsiHandler({ prefix: '?', final }, ([mode]) => {
        if (mode === CURSOR_MODE) this.#isCursorShown = final === 'h';
        return false; // the terminal handles it, too
      });
    }
  }

  [Symbol.dispose](): void {
    if (this.#status === undefined) this.#process.kill('SIGKILL');
  }
}
