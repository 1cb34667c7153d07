import { HttpException, HttpStatus, type Type, ValidationPipe, type ValidationPipeOptions } from '@nestjs/common';
import { issueText, type SchemaIssue } from './standard-schema.js';

/** Options of the `ValidationPipe` for payloads, without those that decide how a rejection is reported. */
export type PayloadValidationOptions = Omit<
  ValidationPipeOptions,
  'transform' | 'expectedType' | 'exceptionFactory' | 'errorHttpStatusCode' | 'validateCustomDecorators'
>;

/** Classes without validation rules. */
const PLAIN_CLASSES: readonly unknown[] = [Object, Array, String, Number, Boolean, Date, Map, Set, Promise, Function];

/**
 * Turns decoded payloads into instances of the class that a handler takes, and validates them with class-validator.
 * Classes without rules are instantiated only.
 */
export class PayloadValidator {
  private constructor(private readonly pipe: ValidationPipe) {}

  /** The optional packages that are not installed, if there are any: payloads then reach handlers as decoded. */
  static async load(options: PayloadValidationOptions): Promise<PayloadValidator | MissingPackages> {
    const packages = await loadPackages();
    if ('missing' in packages) return packages;
    return new PayloadValidator(new ValidationPipe({ ...packages, ...options, transform: true }));
  }

  /** Whether a parameter of this design type can be validated: a class of the app's own. */
  static isPayloadClass(designType: unknown): designType is Type {
    if (typeof designType !== 'function' || PLAIN_CLASSES.includes(designType)) return false;
    return (
      designType.prototype !== undefined && !(designType.prototype instanceof Uint8Array) && designType !== Uint8Array
    );
  }

  /**
   * The payload, or with `property` the value of that property, as an instance of its class.
   * @throws the errors of `ValidationPipe`; see {@link rejectionMessages}
   */
  async validate(value: unknown, payloadClass: Type, property?: string): Promise<unknown> {
    return this.pipe.transform(value, { type: 'body', metatype: payloadClass, data: property }) as Promise<unknown>;
  }
}

/** Statuses with which pipes reject input. */
const REJECTIONS: readonly number[] = [HttpStatus.BAD_REQUEST, HttpStatus.UNPROCESSABLE_ENTITY];

/** Whether a pipe rejected the input, so that a retry cannot succeed. */
export function isRejection(error: unknown): error is HttpException {
  return error instanceof HttpException && REJECTIONS.includes(error.getStatus());
}

/**
 * The problems of a payload, one text per violated rule, without the HTTP wrapping. Of objects only the texts of
 * violated rules are used: class-validator's errors contain the payload in `target` and `value`, and these texts are
 * logged.
 */
export function rejectionMessages(error: unknown): string[] {
  if (!(error instanceof HttpException)) return [error instanceof Error ? error.message : String(error)];
  const response = error.getResponse();
  if (typeof response !== 'object') return [response];
  const { message, errors, issues } = response as Readonly<Record<string, unknown>>;
  const messages = [message].flat().flatMap(ruleTexts);
  // Pipes of schema libraries list their reasons beside a text that says nothing: "Validation failed".
  const reasons = [errors, issues].flat().flatMap((issue) => (isIssue(issue) ? [issueText(issue)] : ruleTexts(issue)));
  const all = reasons.length > 0 ? reasons : messages;
  return all.length > 0 ? all : [error.message];
}

function isIssue(value: unknown): value is SchemaIssue {
  if (typeof value !== 'object' || value === null) return false;
  const { message, path } = value as { readonly message?: unknown; readonly path?: unknown };
  return typeof message === 'string' && (path === undefined || Array.isArray(path));
}

function ruleTexts(message: unknown): string[] {
  if (typeof message === 'string') return [message];
  if (typeof message !== 'object' || message === null) return [];
  const { constraints, children } = message as { readonly constraints?: object; readonly children?: unknown };
  const own = Object.values(constraints ?? {}).filter((text) => typeof text === 'string');
  return [...own, ...(Array.isArray(children) ? children.flatMap(ruleTexts) : [])];
}

type ValidationPackages = Pick<ValidationPipeOptions, 'validatorPackage' | 'transformerPackage'>;

/** Names of packages. */
interface MissingPackages {
  readonly missing: readonly string[];
}

async function loadPackages(): Promise<ValidationPackages | MissingPackages> {
  const [validatorPackage, transformerPackage] = await Promise.all([
    orUndefined(import('class-validator')),
    orUndefined(import('class-transformer')),
  ]);
  if (validatorPackage && transformerPackage) return { validatorPackage, transformerPackage };
  const found = { 'class-validator': validatorPackage, 'class-transformer': transformerPackage };
  return { missing: Object.entries(found).flatMap(([name, loaded]) => (loaded ? [] : [name])) };
}

async function orUndefined<Loaded>(loading: Promise<Loaded>): Promise<Loaded | undefined> {
  try {
    return await loading;
  } catch (error) {
    if (NOT_FOUND.has((error as NodeJS.ErrnoException).code)) return undefined;
    throw error;
  }
}

/** As `import` says it, and `require`. */
const NOT_FOUND: ReadonlySet<string | undefined> = new Set(['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND']);
