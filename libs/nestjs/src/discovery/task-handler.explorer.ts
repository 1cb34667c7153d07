import type { Type } from '@nestjs/common';
import type { DiscoveryService, MetadataScanner } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import { paramsOf, payloadParamOf } from '../decorators/task-params.decorator.js';
import {
  type TaskHandlerMetadata,
  type TaskHandlerOptions,
  taskHandlersOf,
} from '../decorators/task-handler.decorator.js';
import { PayloadValidator } from '../handling/payload-validator.js';
import { HandlerSetupError } from './handler-setup.error.js';
import { distinctProviders, prototypeOf } from './providers.js';

/** One pattern of a method with `@TaskHandler`. */
export interface DiscoveredHandler {
  readonly pattern: string;
  readonly options: TaskHandlerOptions;
  readonly method: string;
  readonly prototype: object;
  /** The provider that holds the method, and the module that provides it. */
  readonly provider: InstanceWrapper<object>;
  /** `EmailTasks.send`, for messages. */
  readonly label: string;
  readonly moduleName: string;
  /** Design type of the parameter that takes the whole payload, as compiled; `undefined` when there is none. */
  readonly payloadType: unknown;
  /** The same when it is a class that payloads can be validated against. */
  readonly payloadClass: Type | undefined;
}

/** Finds `@TaskHandler` methods. Only reads metadata: binding and starting belong to `TaskServer`. */
export class TaskHandlerExplorer {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  /**
   * Handlers of every connection.
   * @throws {HandlerSetupError} a handler is invalid
   */
  explore(): DiscoveredHandler[] {
    this.refuseControllers();
    return distinctProviders(this.discovery).flatMap((provider) => this.handlersOf(provider));
  }

  /** Of all providers and controllers. */
  prototypes(): object[] {
    const all = [...this.discovery.getProviders(), ...this.discovery.getControllers()] as InstanceWrapper<object>[];
    return all.map(prototypeOf).filter((prototype) => prototype !== undefined);
  }

  private handlersOf(provider: InstanceWrapper<object>): DiscoveredHandler[] {
    return this.markedMethods(provider).map(({ prototype, method, metadata }) => {
      const label = `${prototype.constructor.name}.${method}`;
      if (metadata.pattern.trim() === '') {
        throw new HandlerSetupError(`${label}: the task type is blank. Give @TaskHandler the type it handles.`);
      }
      checkParams(prototype, method, label);
      const payloadType = payloadTypeOf(prototype, method);
      const payloadClass = PayloadValidator.isPayloadClass(payloadType) ? payloadType : undefined;
      return {
        ...metadata,
        method,
        prototype,
        provider,
        label,
        moduleName: provider.host?.name ?? '',
        payloadType,
        payloadClass,
      };
    });
  }

  private markedMethods(provider: InstanceWrapper<object>): MarkedMethod[] {
    const prototype = prototypeOf(provider);
    if (!prototype) return [];
    return this.scanner.getAllMethodNames(prototype).flatMap((method) => {
      const handler = Reflect.get(prototype, method) as object;
      return taskHandlersOf(handler).map((metadata) => ({ prototype, method, metadata }));
    });
  }

  private refuseControllers(): void {
    for (const controller of this.discovery.getControllers()) {
      const [found] = this.markedMethods(controller as InstanceWrapper<object>);
      if (!found) continue;
      throw new HandlerSetupError(
        `${String(controller.name)}.${found.method} handles tasks in a controller, which Nest only builds for HTTP requests. ` +
          'Move it to a class in "providers".',
      );
    }
  }
}

interface MarkedMethod {
  readonly prototype: object;
  readonly method: string;
  readonly metadata: TaskHandlerMetadata;
}

function payloadTypeOf(prototype: object, method: string): unknown {
  const param = payloadParamOf(prototype.constructor, method);
  return param && designTypes(prototype, method)?.[param.index];
}

/**
 * Refuses a method that mixes decorated and undecorated parameters: Nest silently passes `null` for the latter, even where
 * they have default values.
 */
function checkParams(prototype: object, method: string, label: string): void {
  const params = paramsOf(prototype.constructor, method);
  const known = new Set(params.map(({ index }) => index));
  // The compiler's list includes parameters with defaults; `length` does not.
  const handler = Reflect.get(prototype, method) as (...args: unknown[]) => unknown;
  const count = designTypes(prototype, method)?.length ?? handler.length;
  const missing = Array.from({ length: count }, (_, index) => index).find((index) => !known.has(index));
  if (missing === undefined) return;
  const isImplied = params.every((param) => param.isImplied);
  const reason = isImplied
    ? 'has no decorator, and without decorators a handler takes (payload, context)'
    : `has no decorator while parameter ${Math.min(...known)} has one`;
  const fix = isImplied ? 'Decorate all parameters.' : 'Decorate it with @Payload() or @Ctx().';
  throw new HandlerSetupError(`parameter ${missing} of ${label} ${reason}, so it would be null. ${fix}`);
}

function designTypes(prototype: object, method: string): readonly unknown[] | undefined {
  return Reflect.getMetadata('design:paramtypes', prototype, method) as unknown[] | undefined;
}
