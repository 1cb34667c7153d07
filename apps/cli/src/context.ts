import { styleText } from 'node:util';
import { Client, type Connection, Inspector, openBroker, silentLogger } from '@nestjs-asynq/core';
import { reach } from './connection/reach.js';
import { oneLine } from './output/cells.js';
import { toJson } from './output/json.js';

/** The process around a run, so that tests can stand in for it. */
export interface Io {
  readonly env: NodeJS.ProcessEnv;
  /** Folder of the default config file. */
  readonly home: string;
  /** Whether the output is interactive: only then are there bold titles and progress bars. */
  readonly isTty: boolean;
  readonly nowMs: () => number;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
}

/** The context of a command. It records whether anything failed. */
export class Context implements AsyncDisposable {
  private readonly broker: ReturnType<typeof openBroker>;
  #inspector: Inspector | undefined;
  #client: Client | undefined;
  #hasFailed = false;

  constructor(
    readonly io: Io,
    private readonly connection: Connection,
    readonly isCluster: boolean,
    readonly isJson: boolean,
  ) {
    this.broker = openBroker(connection, { logger: silentLogger });
  }

  /**
   * Connects.
   * @param address where to, for the error
   * @throws {UnreachableError} Redis cannot be reached
   */
  async reach(address: string): Promise<void> {
    await reach(this.broker, address);
  }

  get inspector(): Inspector {
    return (this.#inspector ??= new Inspector({ connection: this.broker, logger: silentLogger }));
  }

  get client(): Client {
    return (this.#client ??= new Client({ connection: this.broker, logger: silentLogger }));
  }

  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Whether a progress bar may be drawn: on a terminal, and not among JSON. */
  get showsProgress(): boolean {
    return this.io.isTty && !this.isJson;
  }

  /** Prints a result: `data` as JSON under `--json`, else `text`. */
  show(data: unknown, text: string): void {
    this.io.stdout(`${this.isJson ? toJson(data) : text}\n`);
  }

  title(text: string): string {
    return this.io.isTty ? styleText('bold', text) : text;
  }

  /** Reports an error on stderr, in one line; the run ends with status 1. */
  fail(error: unknown): void {
    this.#hasFailed = true;
    this.io.stderr(`${errorLine(error)}\n`);
  }

  /** Does the same with each item, and returns the results. One that fails is reported and does not stop the others. */
  async each<Item, Result>(items: readonly Item[], action: (item: Item) => Promise<Result>): Promise<Result[]> {
    const results: Result[] = [];
    for (const item of items) {
      try {
        results.push(await action(item));
      } catch (error) {
        this.fail(error);
      }
    }
    return results;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#inspector?.close(), this.#client?.close()]);
    if (this.broker !== this.connection) await this.broker.close();
  }
}

/** `error: …` on one line. */
export function errorLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const line = message.replaceAll(/(?<=:)\n\s*/g, ' ').replaceAll('\n', '; ');
  return `error: ${oneLine(line)}`;
}
