import type { ArgumentMetadata, PipeTransform, Type } from '@nestjs/common';
import type { ParamProperties } from '@nestjs/core/helpers/context-utils.js';
import { ParamsTokenFactory } from '@nestjs/core/pipes/params-token-factory.js';
import type { TaskContext } from '@nestjs-asynq/core';
import { TaskParam } from '../decorators/task-params.decorator.js';
import { PayloadValidator } from './payload-validator.js';
import { schemaOfClass, validateWith } from './standard-schema.js';

/** A parameter as `ExternalContextCreator` prepares it: the kind is still a number. */
type PreparedParam = ParamProperties & { readonly metatype?: unknown };

/** Puts the arguments of a method into an array, and returns a promise if pipes make them. */
export type FillArguments = (args: unknown[], payload: unknown, context: TaskContext) => Promise<unknown> | undefined;

type FillByPipes = (args: unknown[], payload: unknown, context: TaskContext) => Promise<void>;

const tokens = new ParamsTokenFactory();

/** Makes the arguments of handlers: the values of their parameters, after pipes and the validation of payloads. */
export class TaskArguments {
  constructor(
    private readonly validator: PayloadValidator | undefined,
    /** `false`: only the app's own pipes check payloads. */
    private readonly isValidating: boolean,
  ) {}

  /**
   * In place of `ExternalContextCreator.createPipesFn`, where each step costs a promise, also without a pipe.
   * @param pipes of the app, the class and the method
   * @param asThrown changes the error of a pipe
   */
  filler(
    pipes: readonly PipeTransform[],
    params: readonly PreparedParam[],
    asThrown: (error: unknown) => unknown,
  ): FillArguments {
    const plain = params.filter((param) => this.isPlain(param, pipes));
    const piped = params
      .filter((param) => !plain.includes(param))
      .map((param) => this.throughPipes(param, [...pipes, ...param.pipes], asThrown));
    return (args, payload, context) => {
      for (const { index, extractValue } of plain) args[index] = extractValue(payload, context);
      if (piped.length <= 1) return piped[0]?.(args, payload, context);
      return Promise.all(piped.map((fill) => fill(args, payload, context)));
    };
  }

  /** One of ours without pipes. What custom decorators return may be a promise. */
  private isPlain(param: PreparedParam, pipes: readonly PipeTransform[]): boolean {
    return typeof param.type === 'number' && pipes.length + param.pipes.length === 0 && !this.classToCheck(param);
  }

  private classToCheck({ type, metatype }: PreparedParam): Type | undefined {
    const isPayload = this.isValidating && type === TaskParam.payload;
    return isPayload && PayloadValidator.isPayloadClass(metatype) ? metatype : undefined;
  }

  private throughPipes(
    param: PreparedParam,
    pipes: readonly PipeTransform[],
    asThrown: (error: unknown) => unknown,
  ): FillByPipes {
    const { index, extractValue, type, data, schema } = param;
    // The context is no payload, although it has a class: a pipe must not make a copy of it.
    const metatype = type === TaskParam.context ? Object : param.metatype;
    const payloadClass = this.classToCheck(param);
    const token = tokens.exchangeEnumForString(type as Parameters<ParamsTokenFactory['exchangeEnumForString']>[0]);
    return async (args, payload, context) => {
      const given: unknown = extractValue(payload, context);
      try {
        let value = typeof type === 'number' ? given : await given;
        for (const pipe of pipes) {
          value = await pipe.transform(value, { metatype, type: token, data, schema } as ArgumentMetadata);
        }
        // An instance of the class was created by a pipe of the app: transforming it again could corrupt it.
        if (payloadClass && !(value instanceof payloadClass)) {
          value = await this.validated(given, value, payloadClass, data as string | undefined);
        }
        args[index] = value;
      } catch (error) {
        throw asThrown(error);
      }
    };
  }

  private async validated(given: unknown, piped: unknown, payloadClass: Type, property?: string): Promise<unknown> {
    const schema = schemaOfClass(payloadClass);
    // A pipe of the app, such as that of nestjs-zod, has returned another object: it knows the schema.
    if (schema) return piped === given ? validateWith(schema, piped) : piped;
    return this.validator ? this.validator.validate(piped, payloadClass, property) : piped;
  }
}
