import { InvalidOptionsError, type OptionProblem } from '../../../errors/invalid-options.error.js';
import { OptionReader } from '../../../runtime/option-reader.js';
import { isText } from '../../../runtime/unicode-text.js';
import type { RetryDelay } from '../../../task/retry-delay.js';
import type { Handler } from '../../../task/task-context.js';

const LARGEST_INT32 = 2 ** 31 - 1;

/** Options of one handler that override those of its server. */
export interface HandlerOptions {
  /** Delay before the next attempt; default the server's. */
  readonly retryDelay?: RetryDelay | undefined;
  /** `false`: retry without counting it as a failure. Default the server's. */
  readonly isFailure?: ((error: unknown) => boolean) | undefined;
  /**
   * Maximum number of tasks that this handler runs at one time in a server, all types of its pattern together; 1 or more. Tasks
   * beyond it stay in their queue, and those behind them run. Default: the server's concurrency alone limits it.
   */
  readonly concurrency?: number | undefined;
}

/** Wraps a handler in another: `(next) => async (payload, context) => { …; await next(payload, context); … }`. */
export type Middleware = (next: Handler) => Handler;

/** The handler for a task, and its failure options. */
export interface Route extends HandlerOptions {
  readonly handler: Handler;
  /** Absent when one handler runs all tasks. */
  readonly pattern?: string | undefined;
}

/** Finds the handler of a task type. */
export interface TaskRouter {
  /** `undefined`: no handler for the type. */
  route(type: string): Route | undefined;
  /** For the text of the error when there is no handler. */
  patterns(): readonly string[];
  /** Whether any handler has a `concurrency` of its own. Default: none has. */
  readonly hasLimits?: boolean | undefined;
}

/**
 * Routes each task to the handler whose pattern equals its type, otherwise to the one with the longest pattern that its
 * type begins with: `email:` handles `email:welcome`, unless `email:welcome` has a handler of its own.
 */
export class ServeMux implements TaskRouter {
  readonly #routes = new Map<string, Route>();
  readonly #middleware: Middleware[] = [];
  /** Routes wrapped in all middleware, created on first use. */
  readonly #wrapped = new Map<string, Route>();
  #longestFirst: string[] = [];
  #hasLimits = false;

  /**
   * Registers a handler for a type, or for all types that begin with `pattern`.
   * @throws {InvalidOptionsError} the pattern is blank or taken, the handler is missing, or an option is wrong
   */
  handle(pattern: string, handler: Handler, options: HandlerOptions = {}): this {
    const reader = new OptionReader(options, `${pattern}.`);
    reader.onlyKnown(['retryDelay', 'isFailure', 'concurrency']);
    reader.callable('retryDelay', undefined);
    reader.callable('isFailure', undefined);
    reader.wholeNumber('concurrency', 1, 1, LARGEST_INT32);
    reader.add(this.#patternProblem(pattern), handlerProblem(pattern, handler));
    reader.throwIfWrong();
    this.#routes.set(pattern, { handler, pattern, ...options });
    this.#hasLimits ||= options.concurrency !== undefined;
    this.#longestFirst = [...this.#routes.keys()].toSorted((a, b) => b.length - a.length);
    return this;
  }

  /**
   * Adds middleware around every handler, including those registered later. The first one is the outermost. Tasks of
   * unknown type do not reach it.
   */
  use(...middleware: readonly Middleware[]): this {
    const wrong = middleware.findIndex((one) => typeof one !== 'function');
    if (wrong >= 0) {
      throw new InvalidOptionsError([
        { option: `middleware ${wrong + 1}`, value: middleware[wrong], allowed: 'a function' },
      ]);
    }
    this.#middleware.push(...middleware);
    this.#wrapped.clear();
    return this;
  }

  route(type: string): Route | undefined {
    const pattern = this.#routes.has(type) ? type : this.#longestFirst.find((prefix) => type.startsWith(prefix));
    if (pattern === undefined) return undefined;
    const known = this.#wrapped.get(pattern);
    if (known) return known;
    const route = this.#routes.get(pattern)!;
    const wrapped = { ...route, handler: this.#middleware.reduceRight((next, wrap) => wrap(next), route.handler) };
    this.#wrapped.set(pattern, wrapped);
    return wrapped;
  }

  patterns(): readonly string[] {
    return [...this.#routes.keys()];
  }

  get hasLimits(): boolean {
    return this.#hasLimits;
  }

  #patternProblem(pattern: unknown): OptionProblem | undefined {
    const allowed = 'a task type or the beginning of one';
    if (!isText(pattern)) return { option: 'pattern', value: pattern, allowed };
    return this.#routes.has(pattern)
      ? { option: 'pattern', value: pattern, allowed: `${allowed} that has no handler yet` }
      : undefined;
  }
}

/** Routes every task to one handler. */
export function routeAll(handler: Handler): TaskRouter {
  const route: Route = { handler };
  return { route: () => route, patterns: () => [] };
}

function handlerProblem(pattern: string, handler: unknown): OptionProblem | undefined {
  if (typeof handler === 'function') return undefined;
  return { option: `handler of ${JSON.stringify(pattern)}`, value: handler, allowed: 'a function' };
}
