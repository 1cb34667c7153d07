import { styleText } from 'node:util';
import {
  Client,
  type Connection,
  Inspector,
  InvalidOptionsError,
  type Logger,
  openBroker,
  RedisCommandError,
  silentLogger,
} from '@nestjs-asynq/core';
import { reach } from './connection/reach.js';
import { oneLine } from './output/cells.js';
import { toJson } from './output/json.js';

/** The environment of a run, which tests can replace. */
export interface Io {
  readonly env: NodeJS.ProcessEnv;
  /** Folder of the default config file. */
  readonly home: string;
  /** Whether the output is interactive; only then are titles bold and progress bars drawn. */
  readonly isTty: boolean;
  readonly nowMs: () => number;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
}

/** The context of a command. It records whether anything failed. */
export class Context implements AsyncDisposable {
  private readonly broker: ReturnType<typeof openBroker>;
  #inspector: Inspector | undefined;
  readonly #clients = new Map<string, Client>();
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

  /** A client that knows the partitions of the queue: as many as are listed. */
  async clientFor(queue: string): Promise<Client> {
    const known = this.#clients.get(queue);
    if (known) return known;
    const names = await this.#partitions(queue);
    const count = names.filter((name) => name !== queue).length;
    const partitions = count > 0 ? { [queue]: count } : {};
    const client = new Client({ connection: this.broker, logger: silentLogger, partitions });
    this.#clients.set(queue, client);
    return client;
  }

  async #partitions(queue: string): Promise<string[]> {
    try {
      return await this.inspector.partitions(queue);
    } catch (error) {
      if (error instanceof InvalidOptionsError) return []; // the client reports the name with all other problems
      throw error;
    }
  }

  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Whether a progress bar may be drawn: on a terminal, and without `--json`. */
  get showsProgress(): boolean {
    return this.io.isTty && !this.isJson;
  }

  /** Prints a result: `data` as JSON with `--json`, otherwise `text`. */
  show(data: unknown, text: string): void {
    this.io.stdout(`${this.isJson ? toJson(data) : text}\n`);
  }

  /** For parts that serve until they are stopped: what people do, warnings and errors go to stderr, a line each. */
  logger(): Logger {
    const write = (message: string, fields?: object): void => {
      this.io.stderr(
        `${message}${fields === undefined ? '' : ` ${toJson(readable(fields)).replaceAll(/\n\s*/g, ' ')}`}\n`,
      );
    };
    return { debug() {}, info: write, warn: write, error: write };
  }

  title(text: string): string {
    return this.io.isTty ? styleText('bold', text) : text;
  }

  /** Reports an error on stderr, in one line; the run ends with status 1. */
  fail(error: unknown): void {
    this.#hasFailed = true;
    this.io.stderr(`${errorLine(error)}\n`);
  }

  /**
   * Reads all items concurrently: they may be on several nodes of a cluster. A failed one is reported by its name and
   * does not affect the others.
   */
  async readEach<Result>(names: readonly string[], read: (name: string) => Promise<Result>): Promise<Result[]> {
    const outcomes = await Promise.allSettled(names.map(read));
    return outcomes.flatMap((outcome, index) => {
      if (outcome.status === 'fulfilled') return [outcome.value];
      const { reason } = outcome as { reason: unknown };
      this.fail(reason instanceof RedisCommandError ? unanswered(JSON.stringify(names[index]), reason) : reason);
      return [];
    });
  }

  /** For inspector calls that continue without the data of a node that does not answer. */
  readonly partly = { onUnanswered: (part: string, error: unknown): void => this.fail(unanswered(part, error)) };

  /**
   * Performs the action on each item, one by one, and returns the results. A failed one is reported and does not stop
   * the others.
   */
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
    await Promise.all([this.#inspector?.close(), ...[...this.#clients.values()].map((client) => client.close())]);
    if (this.broker !== this.connection) await this.broker.close();
  }
}

/** Errors as their messages: they have no fields of their own that JSON shows. */
function readable(fields: object): object {
  const entries = Object.entries(fields) as [string, unknown][];
  return Object.fromEntries(entries.map(([name, value]) => [name, value instanceof Error ? value.message : value]));
}

/** What a node of a cluster did not answer. */
export const unanswered = (part: string, error: unknown): Error =>
  new Error(`no answer about ${part}: ${error instanceof Error ? error.message : String(error)}`);

/** `error: …` on one line. */
export function errorLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const line = message.replaceAll(/(?<=:)\n\s*/g, ' ').replaceAll('\n', '; ');
  return `error: ${oneLine(line)}`;
}
