import type { Logger } from '@nestjs-asynq/core';
import { noteChange } from './changed-method.js';
import { checkConnection, connectionOf } from './connection-of.js';
import { noteProvided, unprovidedClasses } from './decorated-classes.js';
import { HandlerSetupError } from './handler-setup.error.js';
import { withEnhancers } from './method-enhancers.js';
import type { DiscoveredHandler, TaskHandlerExplorer } from './task-handler.explorer.js';

/** The handlers of one connection, known once the app initializes. */
export class TaskHandlers {
  private found: readonly DiscoveredHandler[] = [];

  constructor(
    private readonly connection: string,
    private readonly explorer: TaskHandlerExplorer,
    private readonly logger: Logger,
    /** `false`: the app does not want payloads to be validated. */
    private readonly isValidating: boolean,
  ) {}

  /**
   * Finds the handlers, and returns those that are new. Called when every module has been scanned and before anything starts, and
   * after further modules were loaded.
   * @throws {HandlerSetupError} two handlers for one pattern, an unknown connection, or an invalid method; none is kept then
   */
  load(connections: readonly string[]): readonly DiscoveredHandler[] {
    noteProvided(this.explorer.prototypes());
    const all = this.explorer.explore();
    for (const handler of all) checkConnection(handler, 'TaskHandler', 'handles tasks of', connections);
    const found = all.filter((handler) => connectionOf(handler) === this.connection);
    checkUnique(found);
    const isKnown = ({ provider, method, pattern }: DiscoveredHandler): boolean =>
      this.found.some((one) => one.provider === provider && one.method === method && one.pattern === pattern);
    const added = found.filter((handler) => !isKnown(handler));
    this.found = [...this.found, ...added];
    for (const handler of added) this.noteUnchecked(handler);
    for (const one of new Map(added.map((handler) => [handler.label, handler])).values()) {
      noteChange('TaskHandler', one.found, one.label, this.logger);
    }
    if (this.isValidating) this.noteUnseen(added);
    return added;
  }

  /** Warns of decorated classes that no module of the app provides: their tasks would wait for another process. */
  noteUnprovided(): void {
    for (const { name } of unprovidedClasses()) {
      this.logger.warn(
        `${name} has @TaskHandler methods and is in the "providers" of no module that this app has loaded, so they handle nothing here. ` +
          'Provide it, or import the module that does.',
      );
    }
  }

  /**
   * Prepares handlers: those of the app, or of a module that was loaded later. Called when all of their providers exist.
   * @throws the error of an enhancer's constructor
   */
  async prepare(handlers: readonly DiscoveredHandler[] = this.found): Promise<readonly DiscoveredHandler[]> {
    const prepared = new Map(
      await Promise.all(handlers.map(async (handler) => [handler, await withEnhancers(handler)] as const)),
    );
    this.found = this.found.map((handler) => prepared.get(handler) ?? handler);
    return [...prepared.values()];
  }

  get all(): readonly DiscoveredHandler[] {
    return this.found;
  }

  /**
   * The handler that would run a task of this type: the exact pattern, otherwise the longest prefix, as in `ServeMux`.
   */
  find(type: string): DiscoveredHandler | undefined {
    const matching = this.found.filter(({ pattern }) => type.startsWith(pattern));
    return matching.toSorted((a, b) => b.pattern.length - a.pattern.length)[0];
  }

  private noteUnseen(handlers: readonly DiscoveredHandler[]): void {
    const labels = new Set(handlers.filter(({ isPayloadUnseen }) => isPayloadUnseen).map(({ label }) => label));
    if (labels.size > 0) this.logger.warn(unseenText([...labels]));
  }

  private noteUnchecked({ label, payloadType }: DiscoveredHandler): void {
    if (payloadType !== Object) return;
    this.logger.debug(
      `${label}: the payload parameter is an interface or a union (design type Object), so it cannot be validated. Use a class.`,
    );
  }
}

/** One line for all: usually the compiler is at fault. */
function unseenText(labels: readonly string[]): string {
  return (
    `payloads are not validated in ${labels.join(', ')}: the compiler emits no decorator metadata (tsx, esbuild, SWC without ` +
    'decoratorMetadata), so the type of @Payload() cannot be seen. Name the class, @Payload(VerifyEmail), give a ' +
    'schema, @Payload({ schema }), or set validation: false.'
  );
}

function checkUnique(handlers: readonly DiscoveredHandler[]): void {
  for (const pattern of new Set(handlers.map((handler) => handler.pattern))) {
    const same = handlers.filter((handler) => handler.pattern === pattern);
    if (same.length < 2) continue;
    const lines = same.map(({ label, moduleName }) => `  ${label}   (module ${moduleName})`);
    throw new HandlerSetupError(`duplicate handler for task type "${pattern}":\n${lines.join('\n')}\n${fixFor(same)}`);
  }
}

function fixFor(same: readonly DiscoveredHandler[]): string {
  const isOneMethod = same.every(
    ({ prototype, method }) => prototype === same[0]!.prototype && method === same[0]!.method,
  );
  if (!isOneMethod) return 'A task runs one handler: remove one of them, or give them different task types.';
  const isOneProvider = same.every(({ provider }) => provider === same[0]!.provider);
  if (isOneProvider) return 'The method has the same @TaskHandler twice; remove one.';
  const isOneModule = same.every(({ provider }) => provider.host === same[0]!.provider.host);
  if (isOneModule)
    return 'The same class is provided under several tokens of one module; use "useExisting" for all but one.';
  const where = same.length === 2 ? 'both modules' : 'several modules';
  return `The same class is listed in "providers" of ${where}; export it from one of them instead.`;
}
