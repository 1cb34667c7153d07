import { BadRequestException, type PipeTransform } from '@nestjs/common';
import { isRecord } from '@nestjs-asynq/core/internal';

/**
 * A schema by the specification [Standard Schema](https://standardschema.dev), version 1: those of zod 4, valibot, ArkType and
 * others. Only what is used of it.
 */
export interface StandardSchema {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult | Promise<SchemaResult>;
    /** Exists in types only. */
    readonly types?: { readonly input: unknown; readonly output: unknown } | undefined;
  };
}

/** What a schema returns for a value: the value to go on with, or the reasons of its refusal. */
export type SchemaResult =
  { readonly value: unknown; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] };

/** A reason of a refusal. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** ArkType's schemas are functions. */
export function isStandardSchema(value: unknown): value is StandardSchema {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  const standard: unknown = Reflect.get(value, '~standard');
  return isRecord(standard) && typeof (standard as { validate?: unknown }).validate === 'function';
}

/** The schema of a class that has one as its static `schema`, as the DTOs of nestjs-zod do. */
export function schemaOfClass(payloadClass: unknown): StandardSchema | undefined {
  if (typeof payloadClass !== 'function') return undefined;
  const schema: unknown = Reflect.get(payloadClass, 'schema');
  return isStandardSchema(schema) ? schema : undefined;
}

/**
 * The value as the schema returns it: with defaults, conversions, and without unknown properties where the schema removes them.
 * @throws {BadRequestException} the reasons of the refusal as its `message`
 */
export async function validateWith(schema: StandardSchema, value: unknown): Promise<unknown> {
  const result = await schema['~standard'].validate(value);
  if (!result.issues) return result.value;
  throw new BadRequestException(result.issues.map((issue) => issueText(issue)));
}

/** The pipe of `@Payload({ schema })`. */
export class SchemaPipe implements PipeTransform {
  constructor(private readonly schema: StandardSchema) {}

  async transform(value: unknown): Promise<unknown> {
    return validateWith(this.schema, value);
  }
}

/** Path and reason, without the value, which some libraries quote: it may be a secret, and the text is stored and logged. */
export function issueText(issue: SchemaIssue): string {
  const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
  const reason = withoutValue(issue);
  return path === '' || reason.startsWith(path) ? reason : `${path}: ${reason}`;
}

function withoutValue(issue: SchemaIssue): string {
  const { message, received, actual } = issue as SchemaIssue & {
    readonly received?: unknown;
    readonly actual?: unknown;
  };
  // valibot: `Invalid type: Expected string but received "…"`; ArkType: `must be an email address (was "…")`; zod 3: `…, received '…'`
  if (actual !== undefined) return message.replace(/ \(was [^]*\)$/, '');
  if (received !== undefined) return message.replace(/(?: but|,|:) received [^]*$/i, '');
  return message;
}
