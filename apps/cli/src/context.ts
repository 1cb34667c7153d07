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
import type { Io } from './io.js';
import { reach } from './connection/reach.js';
import { oneLine } from './output/cells.js';
import { errorLine, unanswered } from './output/error-line.js';
import { Interrupt, STOPPED, StoppedError } from './output/interrupt.js';
import { jsonParts, toJson } from './output/json.js';
import { isAboutUsage } from './usage.error.js';

/** The context of a command. It records whether anything failed. */
export class Context implements AsyncDisposable {
  /** Ctrl-C, for work that changes something. */
  readonly interrupt = new Interrupt();
  private readonly broker: ReturnType<typeof openBroker>;
  #inspector: Inspector | undefined;
  readonly #clients = new Map<string, Client>();
  /** Lines of errors that were printed: what is true of all lists of a queue is said once. */
  readonly #printed = new Set<string>();
  #hasFailed = false;
  /** All failures are about the command line, and nothing was done. */
  #isInvalid = true;
  #wasStopped = false;
  #status = 0;

  constructor(
    readonly io: Io,
    /** As it was given: a part that needs a broker of its own opens one. */
    readonly connection: Connection,
    readonly isCluster: boolean,
    readonly isJson: boolean,
  ) {
    this.broker = openBroker(connection, { logger: silentLogger });
  }

  /**
   * Connects.
   * @param address where to, for the error
   * @param findReason called when the client of Redis does not say why it could not
   * @throws {UnreachableError} Redis cannot be reached
   */
  async reach(address: string, findReason?: () => Promise<string | undefined>): Promise<void> {
    await reach(this.broker, address, findReason);
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

  /** 0 done, 1 something failed, 2 nothing was done by an invalid command line, 130 stopped by Ctrl-C; or that of `endWith`. */
  get status(): number {
    if (this.#wasStopped) return STOPPED;
    if (!this.#hasFailed) return this.#status;
    return this.#isInvalid ? 2 : 1;
  }

  /** Ends the run with this status, unless something fails. */
  endWith(status: number): void {
    this.#status = status;
  }

  /** Ctrl-C has stopped the command, which has shown what it had by then. */
  stop(): void {
    this.#wasStopped = true;
  }

  /** Whether a progress bar may be drawn: on a terminal, and without `--json`. */
  get showsProgress(): boolean {
    return this.io.isTty && !this.isJson;
  }

  /** Prints a result: `data` as JSON with `--json`, otherwise the text, which is laid out only then. */
  show(data: unknown, text: string | (() => string)): void {
    if (!this.isJson) return this.io.stdout(`${typeof text === 'string' ? text : text()}\n`);
    let last = '';
    for (const part of jsonParts(data)) {
      if (last !== '') this.io.stdout(last);
      last = part;
    }
    this.io.stdout(`${last}\n`);
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

  /** Cells of a line on the terminal; `undefined`: no limit. */
  get columns(): number | undefined {
    return this.io.columns;
  }

  /** Reports on stderr something that a person should know, although the command succeeds. */
  warn(message: string): void {
    this.io.stderr(`warning: ${oneLine(message)}\n`);
  }

  /**
   * Asks for consent, if a person is there to answer: scripts are not asked.
   * @param question says what will happen, and to how many
   * @throws {Error} the answer was not yes
   */
  async confirm(question: string | (() => Promise<string>), isSure: boolean): Promise<void> {
    const { ask } = this.io;
    if (isSure || !ask) return;
    const text = typeof question === 'string' ? question : await question();
    const answer = await ask(`${oneLine(text)} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new Error('nothing was changed');
  }

  /** Reports an error on stderr, in one line; the run ends with status 1, or with 2 if it is about the command line. */
  fail(error: unknown): void {
    this.#hasFailed = true;
    this.#isInvalid &&= isAboutUsage(error);
    const line = errorLine(error);
    if (this.#printed.has(line)) return;
    this.#printed.add(line);
    this.io.stderr(`${line}\n`);
  }

  /**
   * Reads all items concurrently: they may be on several nodes of a cluster. A failed one is reported by its name and
   * does not affect the others.
   */
  async readEach<Result>(names: readonly string[], read: (name: string) => Promise<Result>): Promise<Result[]> {
    const outcomes = await Promise.allSettled(names.map(read));
    return outcomes.flatMap((outcome, index) => {
      if (outcome.status === 'fulfilled') {
        this.#isInvalid = false;
        return [outcome.value];
      }
      const { reason } = outcome as { reason: unknown };
      this.fail(reason instanceof RedisCommandError ? unanswered(JSON.stringify(names[index]), reason) : reason);
      return [];
    });
  }

  /** For inspector calls that continue without the data of a node that does not answer. */
  readonly partly = { onUnanswered: (part: string, error: unknown): void => this.fail(unanswered(part, error)) };

  /**
   * Performs the action on each item, one by one, and returns the results. A failed one is reported and does not stop
   * the others; Ctrl-C does, and the items that were not begun are named.
   */
  async each<Result>(names: readonly string[], action: (name: string) => Promise<Result>): Promise<Result[]> {
    const results: Result[] = [];
    for (const [at, name] of names.entries()) {
      if (this.interrupt.isStopped) {
        this.#stop('stopped', names.slice(at));
        break;
      }
      try {
        results.push(await action(name));
        this.#isInvalid = false;
      } catch (error) {
        if (error instanceof StoppedError) {
          this.#stop(
            names.length === 1 ? error.message : `${JSON.stringify(name)}: ${error.message}`,
            names.slice(at + 1),
          );
          break;
        }
        this.fail(error);
      }
    }
    return results;
  }

  #stop(message: string, notBegun: readonly string[]): void {
    const names = notBegun.map((name) => JSON.stringify(name)).join(', ');
    this.fail(new Error(names === '' ? message : `${message}; not begun: ${names}`));
    this.#wasStopped = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.interrupt[Symbol.dispose]();
    await Promise.all([this.#inspector?.close(), ...[...this.#clients.values()].map((client) => client.close())]);
    if (this.broker !== this.connection) await this.broker.close();
  }
}

/** Errors as their messages: they have no fields of their own that JSON shows. */
function readable(fields: object): object {
  const entries = Object.entries(fields) as [string, unknown][];
  return Object.fromEntries(entries.map(([name, value]) => [name, value instanceof Error ? value.message : value]));
}
