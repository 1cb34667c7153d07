import type { Type } from '@nestjs/common';
import { PARAMTYPES_METADATA } from '@nestjs/common/constants.js';
import type { DiscoveryService, MetadataScanner } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import type { MarkedMethod } from '../decorators/method-marks.js';
import { paramsOf, payloadParamOf, payloadParamsOf } from '../decorators/task-params.decorator.js';
import {
  type TaskHandlerMetadata,
  taskHandlerMarks,
  type TaskHandlerOptions,
} from '../decorators/task-handler.decorator.js';
import { PayloadValidator } from '../handling/payload-validator.js';
import { checkLeft } from './changed-method.js';
import { HandlerSetupError } from './handler-setup.error.js';
import { distinctProviders, labelOf, prototypeOf, refuseControllers } from './providers.js';

/** One pattern of a method with `@TaskHandler`. */
export interface DiscoveredHandler {
  readonly pattern: string;
  readonly options: TaskHandlerOptions;
  readonly method: string;
  /** The method when it was decorated, and what happened to it since. */
  readonly found: MarkedMethod<TaskHandlerMetadata>;
  /** Carries the enhancers of the method; `undefined`: the function that is called carries them itself. */
  readonly source: object | undefined;
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
  /** It has a `@Payload()` whose type the compiler does not tell, and nothing else says how to check it. */
  readonly isPayloadUnseen: boolean;
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
    refuseControllers(this.discovery, 'TaskHandler', (prototype) =>
      this.marked(prototype).map(({ name }) => labelOf(prototype, name)),
    );
    return distinctProviders(this.discovery).flatMap((provider) => this.handlersOf(provider));
  }

  /** Of all providers and controllers. */
  prototypes(): object[] {
    const all = [...this.discovery.getProviders(), ...this.discovery.getControllers()] as InstanceWrapper<object>[];
    return all.map(prototypeOf).filter((prototype) => prototype !== undefined);
  }

  private handlersOf(provider: InstanceWrapper<object>): DiscoveredHandler[] {
    const prototype = prototypeOf(provider);
    if (!prototype) return [];
    return this.marked(prototype).flatMap((found) => {
      const label = labelOf(prototype, found.name);
      checkLeft('TaskHandler', found, label);
      return found.marks.map((metadata) => handlerOf(provider, prototype, found, metadata, label));
    });
  }

  private marked(prototype: object): MarkedMethod<TaskHandlerMetadata>[] {
    return taskHandlerMarks.of(prototype, this.scanner.getAllMethodNames(prototype));
  }
}

/** @throws {HandlerSetupError} the handler is invalid */
function handlerOf(
  provider: InstanceWrapper<object>,
  prototype: object,
  found: MarkedMethod<TaskHandlerMetadata>,
  metadata: TaskHandlerMetadata,
  label: string,
): DiscoveredHandler {
  if (metadata.pattern.trim() === '') {
    throw new HandlerSetupError(`${label}: the task type is blank. Give @TaskHandler the type it handles.`);
  }
  const method = found.name;
  checkParams(prototype, found, label);
  const payloadType = payloadTypeOf(prototype, method);
  return {
    ...metadata,
    method,
    found,
    source: found.change === 'overridden' ? undefined : found.decorated,
    prototype,
    provider,
    label,
    moduleName: provider.host?.name ?? '',
    payloadType,
    payloadClass: PayloadValidator.isPayloadClass(payloadType) ? payloadType : undefined,
    isPayloadUnseen: isPayloadUnseen(prototype, method),
  };
}

function isPayloadUnseen(prototype: object, method: string): boolean {
  if (designTypes(prototype, method)) return false;
  const params = Object.values(payloadParamsOf(prototype.constructor, method));
  return params.some(({ isImplied, pipes }) => !isImplied && pipes.length === 0);
}

function payloadTypeOf(prototype: object, method: string): unknown {
  const param = payloadParamOf(prototype.constructor, method);
  return param && designTypes(prototype, method)?.[param.index];
}

/**
 * Refuses a method that mixes decorated and undecorated parameters: Nest silently passes `null` for the latter, even where
 * they have default values.
 */
function checkParams(
  prototype: object,
  { name: method, decorated }: MarkedMethod<TaskHandlerMetadata>,
  label: string,
): void {
  const params = paramsOf(prototype.constructor, method);
  const known = new Set(params.map(({ index }) => index));
  // The compiler's list includes parameters with defaults; `length` does not.
  const count = designTypes(prototype, method)?.length ?? (decorated as { readonly length: number }).length;
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
  return Reflect.getMetadata(PARAMTYPES_METADATA, prototype, method) as unknown[] | undefined;
}
