import 'reflect-metadata';
import { Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import type { Duration } from '@nestjs-asynq/core';
import { LONGEST_TIMER_MS, OptionReader } from '@nestjs-asynq/core/internal';
import { getTaskServerToken } from '../asynq.tokens.js';
import type { TaskServer } from './task-server.js';

/** What to check, and how long to wait. */
export interface AsynqHealthOptions {
  /** Name of the connection. Default `'default'`. */
  readonly connection?: string | undefined;
  /** How long Redis may take to answer. Default `'1s'`. */
  readonly timeout?: Duration | undefined;
}

const DEFAULT_TIMEOUT_MS = 1_000;

/**
 * The health of a connection for `@nestjs/terminus`: list it in the providers of the module with the health controller.
 * Down when Redis does not answer in time, or when the server of this process should run and does not.
 */
@Injectable()
export class AsynqHealthIndicator {
  constructor(
    private readonly health: HealthIndicatorService,
    private readonly moduleRef: ModuleRef,
  ) {}

  /**
   * For `HealthCheckService.check`: reports the state of the server under `key`, `lostSlots` if there are any, and the problem if
   * there is one. Down, too, when all slots are lost. Does not reject because of Redis.
   * @throws {InvalidOptionsError} an option is invalid
   */
  async check<const Key extends string>(
    key: Key,
    options: AsynqHealthOptions = {},
  ): Promise<HealthIndicatorResult<Key>> {
    const timeoutMs = readTimeout(options);
    const server = this.moduleRef.get<TaskServer>(getTaskServerToken(options.connection), { strict: false });
    const indicator = this.health.check(key);
    const problem = await pingProblem(server, timeoutMs);
    const { state, slots } = server;
    const facts = { server: state, ...(slots.lost > 0 && { lostSlots: slots.lost }) };
    if (problem !== undefined) return indicator.down({ ...facts, message: problem });
    if (state === 'active' && slots.lost > 0 && slots.lost === slots.total) {
      return indicator.down({ ...facts, message: 'every slot is lost to a handler that ignores its signal' });
    }
    return state === 'off' || state === 'active' ? indicator.up(facts) : indicator.down(facts);
  }
}

function readTimeout(options: AsynqHealthOptions): number {
  const reader = new OptionReader(options);
  reader.onlyKnown(['connection', 'timeout']);
  const timeoutMs = reader.duration('timeout', DEFAULT_TIMEOUT_MS, { minMs: 1, maxMs: LONGEST_TIMER_MS });
  reader.throwIfWrong();
  return timeoutMs;
}

async function pingProblem(server: TaskServer, timeoutMs: number): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, `Redis did not answer within ${timeoutMs} ms`);
  });
  const answer = server.ping().then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  try {
    return await Promise.race([answer, silence]);
  } finally {
    clearTimeout(timer);
  }
}
