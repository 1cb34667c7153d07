import { InvalidOptionsError, jsonCodec, type Logger, type PayloadCodec } from '@nestjs-asynq/core';
import { placeOf } from '@nestjs-asynq/core/internal';

/** What happens to a task for a queue that nobody is known to serve. */
export type UnknownQueues = 'warn' | 'error' | 'allow';

interface EnqueueGuardOptions {
  readonly unknownQueues: UnknownQueues;
  /** Names of the queues in the module's options; `undefined`: there are none, and `default` is served. */
  readonly declared: readonly string[] | undefined;
  /** Queue of a task without one. */
  readonly defaultQueue: string;
  readonly codec: PayloadCodec | undefined;
  /** Names of the ordinary queues that running servers serve. */
  readonly servedQueues: () => Promise<readonly string[]>;
  readonly logger: Logger;
}

/** Finds tasks that are written and would never run, or would run without their payload. */
export class EnqueueGuard {
  private readonly declared: ReadonlySet<string>;
  private readonly seen = new Set<string>();
  private readonly seenTypes = new Set<string>();
  private readonly isJson: boolean;

  constructor(private readonly options: EnqueueGuardOptions) {
    this.declared = new Set(options.declared ?? ['default']);
    this.isJson = options.codec === undefined || options.codec === jsonCodec;
  }

  /** Whether {@link check} may throw. */
  get isRefusing(): boolean {
    return this.options.unknownQueues === 'error';
  }

  /**
   * Looks at a task before it is enqueued.
   * @throws {InvalidOptionsError} with `unknownQueues: 'error'`, its queue is none of the module's
   */
  check(type: string, payload: unknown, queue: string | undefined): void {
    this.checkQueue(queue ?? this.options.defaultQueue);
    if (this.isJson && typeof payload === 'object' && payload !== null) this.checkPayload(type, payload);
  }

  /** @throws as {@link check} */
  checkQueue(queue: string): void {
    const { unknownQueues } = this.options;
    if (unknownQueues === 'allow' || this.declared.has(queue) || this.seen.has(queue)) return;
    if (this.declared.has(placeOf(queue).queue)) return;
    if (unknownQueues === 'error') {
      const names = [...this.declared].map((name) => `"${name}"`).join(', ');
      throw new InvalidOptionsError([{ option: 'queue', value: queue, allowed: `one of "queues": ${names}` }]);
    }
    this.seen.add(queue);
    void this.warnUnlessServed(queue);
  }

  /** Never rejects. */
  private async warnUnlessServed(queue: string): Promise<void> {
    const { servedQueues, logger } = this.options;
    try {
      const served = await servedQueues();
      if (served.some((name) => name === queue || placeOf(name).queue === queue)) return;
    } catch (error) {
      return logger.debug(`cannot find out whether any server serves queue "${queue}"`, { error });
    }
    const names = [...this.declared].map((name) => `"${name}"`).join(', ');
    logger.warn(
      `a task for queue "${queue}" was enqueued, which no running server serves, and which is none of this app's "queues" ` +
        `(${names}): it waits until one does. Correct the name, add it to "queues", or set unknownQueues to "allow".`,
    );
  }

  /** JSON has no form for a `Map` and a `Set`: both become `{}`. The payload itself and its properties are looked at. */
  private checkPayload(type: string, payload: object): void {
    const path = isLost(payload) ? '' : this.lostProperty(payload);
    if (path === undefined || this.seenTypes.has(type)) return;
    this.seenTypes.add(type);
    const what = path === '' ? 'the payload' : `the property "${path}" of the payload`;
    this.options.logger.warn(
      `task type "${type}": ${what} is a Map or a Set, which JSON writes as {}. Pass an array, Object.fromEntries(map) or [...set], ` +
        'or use a codec that knows them.',
    );
  }

  private lostProperty(payload: object): string | undefined {
    if (Array.isArray(payload) || payload instanceof Uint8Array || typeof Reflect.get(payload, 'toJSON') === 'function')
      return undefined;
    for (const name in payload) if (isLost((payload as Record<string, unknown>)[name])) return name;
    return undefined;
  }
}

const isLost = (value: unknown): boolean => value instanceof Map || value instanceof Set;
