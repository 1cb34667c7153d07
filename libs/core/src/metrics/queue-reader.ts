import type { ServerInfo } from '../inspector/fleet-info.js';
import type { Inspector } from '../inspector/inspector.js';
import type { QueueInfo } from '../inspector/queue-info.js';
import type { ScheduleInfo } from '../inspector/schedule-info.js';
import { QueueNotFoundError } from '../errors/queue-not-found.error.js';
import { type Clock, systemClock } from '../runtime/clock.js';
import { LogLimit } from '../runtime/log-limit.js';
import type { Logger } from '../runtime/logger.js';
import { resultWithin } from '../runtime/within.js';

/** The queues of one connection at one moment. */
export interface QueueReading {
  /** Becomes the label `connection`; `undefined`: there is no such label. */
  readonly connection: string | undefined;
  readonly queues: readonly QueueInfo[];
  /** Queues beyond the limit. */
  readonly omitted: number;
  /** `undefined`: not wanted, or not answered. */
  readonly servers: readonly ServerInfo[] | undefined;
  readonly schedules: readonly ScheduleInfo[] | undefined;
  /** Everything that was wanted was answered. */
  readonly isComplete: boolean;
  readonly tookMs: number;
  readonly nowMs: number;
}

interface QueueReaderSettings {
  readonly memory: boolean;
  readonly servers: boolean;
  readonly schedules: boolean;
  readonly maxQueues: number;
  readonly timeoutMs: number;
}

interface QueueReaderDeps {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A queue that was removed after its name was read. */
const GONE = Symbol('gone');
/** A continuing failure is logged once per interval. */
const LOG_EVERY_MS = 60_000;

/**
 * Reads what the metrics of queues need. A part that fails, or does not answer in time, is missing from the result, and
 * nothing else is: of a cluster the other nodes must stay visible.
 */
export class QueueReader {
  private readonly logLimit: LogLimit;

  constructor(
    private readonly inspector: Inspector,
    private readonly connection: string | undefined,
    private readonly settings: QueueReaderSettings,
    private readonly deps: QueueReaderDeps,
  ) {
    this.logLimit = new LogLimit(deps.clock, LOG_EVERY_MS);
  }

  /** Never rejects. */
  async read(): Promise<QueueReading> {
    const { maxQueues, servers, schedules } = this.settings;
    const startedAtMs = performance.now();
    let isComplete = true;
    const onUnanswered = (part: string, error: unknown): void => {
      isComplete = false;
      this.report(part, error);
    };
    const ask = <Answer>(part: string, call: () => Promise<Answer>): Promise<Answer | undefined> =>
      this.answerOf(part, call, onUnanswered);
    const others = Promise.all([
      servers ? ask('the servers', () => this.inspector.servers({ onUnanswered })) : undefined,
      schedules ? ask('the schedules', () => this.inspector.schedules(undefined, { onUnanswered })) : undefined,
    ]);
    const names = (await ask('the names of the queues', () => this.inspector.queues())) ?? [];
    const shown = names.slice(0, maxQueues);
    const infos = await Promise.all(shown.map((queue) => ask(`queue "${queue}"`, () => this.infoOf(queue))));
    const [knownServers, knownSchedules] = await others;
    return {
      connection: this.connection,
      queues: infos.filter((info) => info !== undefined && info !== GONE),
      omitted: names.length - shown.length,
      servers: knownServers,
      schedules: knownSchedules,
      isComplete,
      tookMs: performance.now() - startedAtMs,
      nowMs: this.deps.clock.nowMs(),
    };
  }

  private async infoOf(queue: string): Promise<QueueInfo | typeof GONE> {
    try {
      return await this.inspector.queueInfo(queue, { memory: this.settings.memory });
    } catch (error) {
      if (error instanceof QueueNotFoundError) return GONE;
      throw error;
    }
  }

  /** `undefined`: it failed, or there was no answer in time. */
  private async answerOf<Answer>(
    part: string,
    call: () => Promise<Answer>,
    onUnanswered: (part: string, error: unknown) => void,
  ): Promise<Answer | undefined> {
    const { timeoutMs } = this.settings;
    try {
      const answer = await resultWithin(systemClock, timeoutMs, call());
      if (answer === undefined) onUnanswered(part, new Error(`no answer within ${timeoutMs} ms`));
      return answer;
    } catch (error) {
      onUnanswered(part, error);
      return undefined;
    }
  }

  private report(part: string, error: unknown): void {
    const fields = { ...(this.connection !== undefined && { connection: this.connection }), error };
    if (this.logLimit.allows(part)) this.deps.logger.warn(`the metrics lack ${part}`, fields);
  }
}
