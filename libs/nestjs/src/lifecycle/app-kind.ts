import type { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { isBroker, isMemory } from '@nestjs-asynq/core/internal';
import type { AsynqSettings } from '../asynq.options.js';

/**
 * What runs the modules: `http` an app of `NestFactory.create`, `test` a testing module, `context` an application context, as
 * scripts, the REPL and command lines create it, and workers without HTTP.
 */
type AppKind = 'http' | 'test' | 'context';

export function appKindOf(modules: ModulesContainer, { httpAdapter }: Pick<HttpAdapterHost, 'httpAdapter'>): AppKind {
  if (httpAdapter) return 'http';
  const isTest = [...modules.values()].some(({ metatype }) => metatype?.name === 'RootTestModule');
  return isTest ? 'test' : 'context';
}

/**
 * Whether a process takes tasks, or fires periodic ones, by itself. A script must not start to work because it imports the app's
 * modules, so an application context has to be asked; queues in memory are its own.
 * @param isAsked the module's options ask for it
 */
export function worksIn(kind: AppKind, { connection }: Pick<AsynqSettings, 'connection'>, isAsked: boolean): boolean {
  return kind !== 'context' || isAsked || isInMemory(connection);
}

function isInMemory(connection: AsynqSettings['connection']): boolean {
  return isMemory(connection) || (isBroker(connection) && connection.kind === 'memory');
}
