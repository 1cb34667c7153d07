import 'reflect-metadata';
import { Injectable } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { systemClock } from '@nestjs-asynq/core';
import { errorText, OptionReader, resultWithin } from '@nestjs-asynq/core/internal';
import { namesOfConnections } from '../asynq.core-module.js';
import { type AsynqSettings, DEFAULT_CONNECTION } from '../asynq.options.js';
import { getTaskInspectorToken, getTaskServerToken, internalToken } from '../asynq.tokens.js';
import type { TaskInspector } from '../inspector/task-inspector.service.js';
import {
  type AsynqHealthOptions,
  type AsynqLivenessOptions,
  DEFAULT_TIMEOUT_MS,
  type HealthLimits,
  type HealthTarget,
  readHealthOptions,
} from './health.options.js';
import { excessesOf } from './queue-check.js';
import type { TaskServer } from './task-server.js';

export type { AsynqHealthOptions, AsynqLivenessOptions, HealthTarget, QueueThresholds } from './health.options.js';

/**
 * The health of a connection for `@nestjs/terminus`: list it in the providers of the module with the health controller.
 *
 * - {@link check}: is everything as it should be? For people, and for alerts.
 * - {@link isReady}: may this process be sent traffic? For a readiness probe.
 * - {@link isAlive}: would a restart help? For a liveness probe.
 */
@Injectable()
export class AsynqHealthIndicator {
  constructor(
    private readonly health: HealthIndicatorService,
    private readonly moduleRef: ModuleRef,
    private readonly modules: ModulesContainer,
  ) {}

  /**
   * For `HealthCheckService.check`: reports the state of the server under `key`, `lostSlots` if there are any, and the problem if
   * there is one. Down when Redis does not answer in time, when the server of this process should run and does not, when all of its
   * slots are lost, and when a queue exceeds its limits. Does not reject because of Redis.
   * @throws {InvalidOptionsError} an option is invalid, or the app has no such connection
   */
  async check<const Key extends string>(
    key: Key,
    options: AsynqHealthOptions = {},
  ): Promise<HealthIndicatorResult<Key>> {
    const limits = readHealthOptions(options);
    const name = this.connectionOf(options);
    const server = this.serverOf(name);
    const indicator = this.health.check(key);
    const problem = (await pingProblem(server, limits.timeoutMs)) ?? (await this.queueProblem(name, limits));
    const { state, slots } = server;
    const facts = { server: state, ...(slots.lost > 0 && { lostSlots: slots.lost }) };
    if (problem !== undefined) return indicator.down({ ...facts, message: problem });
    if (state === 'active' && slots.lost > 0 && slots.lost === slots.total) {
      return indicator.down({ ...facts, message: 'every slot is lost to a handler that ignores its signal' });
    }
    return state === 'off' || state === 'active' ? indicator.up(facts) : indicator.down(facts);
  }

  /**
   * For a readiness probe: down while the server starts and from the moment it stops or drains, and when Redis does not answer
   * within a second. Up in a process that only enqueues, and in one that starts its server by hand and has not done so.
   * @throws {InvalidOptionsError} an option is invalid, or the app has no such connection
   */
  async isReady<const Key extends string>(key: Key, options: HealthTarget = {}): Promise<HealthIndicatorResult<Key>> {
    const reader = new OptionReader(options);
    reader.onlyKnown(['connection']);
    reader.throwIfWrong();
    const name = this.connectionOf(options);
    const server = this.serverOf(name);
    const indicator = this.health.check(key);
    const { state } = server;
    const waitsForHand = state === 'new' && !this.settingsOf(name).autoStart;
    if (state !== 'off' && !server.isStarted && !waitsForHand) return indicator.down({ server: state });
    const problem = await pingProblem(server, DEFAULT_TIMEOUT_MS);
    return problem === undefined
      ? indicator.up({ server: state })
      : indicator.down({ server: state, message: problem });
  }

  /**
   * For a liveness probe: down when the server of this process has stopped to fetch tasks although some wait, when its heartbeat
   * hangs, or when the event loop stood still for long since the last probe. Redis that does not answer is no reason: a restart
   * would not help.
   * @throws {InvalidOptionsError} an option is invalid, or the app has no such connection
   */
  async isAlive<const Key extends string>(
    key: Key,
    options: AsynqLivenessOptions = {},
  ): Promise<HealthIndicatorResult<Key>> {
    const { connection, ...limits } = options;
    const server = this.serverOf(this.connectionOf({ connection }));
    const indicator = this.health.check(key);
    const problems = await server.problems(limits);
    const facts = { server: server.state };
    if (problems.length === 0) return indicator.up(facts);
    return indicator.down({ ...facts, message: problems.map(({ message }) => message).join('; ') });
  }

  private async queueProblem(name: string, { queues, timeoutMs }: HealthLimits): Promise<string | undefined> {
    if (queues.length === 0) return undefined;
    const inspector = this.moduleRef.get<TaskInspector>(getTaskInspectorToken(name), { strict: false });
    const nowMs = this.settingsOf(name).clock?.nowMs() ?? Date.now();
    const asked = Promise.all(queues.map((limits) => excessesOf(inspector, limits, nowMs)));
    try {
      const excesses = await resultWithin(systemClock, timeoutMs, asked);
      return excesses === undefined ? unanswered(timeoutMs) : excesses.flat().join('; ') || undefined;
    } catch (error) {
      return errorText(error);
    }
  }

  private connectionOf({ connection }: HealthTarget): string {
    const known = namesOfConnections(this.modules);
    const name = connection ?? (known.length === 1 ? known[0]! : DEFAULT_CONNECTION);
    const reader = new OptionReader({ connection });
    const allowed = known.length > 0 ? `one of ${known.join(', ')}` : 'the app must import AsynqModule';
    if (!known.includes(name)) reader.refuse('connection', allowed);
    reader.throwIfWrong();
    return name;
  }

  private serverOf(name: string): TaskServer {
    return this.moduleRef.get<TaskServer>(getTaskServerToken(name), { strict: false });
  }

  private settingsOf(name: string): AsynqSettings {
    return this.moduleRef.get<AsynqSettings>(internalToken('settings', name), { strict: false });
  }
}

const unanswered = (timeoutMs: number): string => `Redis did not answer within ${timeoutMs} ms`;

async function pingProblem(server: TaskServer, timeoutMs: number): Promise<string | undefined> {
  try {
    const answered = server.ping().then(() => true);
    return (await resultWithin(systemClock, timeoutMs, answered)) ? undefined : unanswered(timeoutMs);
  } catch (error) {
    return errorText(error);
  }
}
