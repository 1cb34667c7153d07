import { HttpException, HttpStatus, type Type, ValidationPipe, type ValidationPipeOptions } from '@nestjs/common';

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

  /** `undefined` when the optional packages are not installed: payloads then reach handlers as decoded. */
  static async load(options: PayloadValidationOptions): Promise<PayloadValidator | undefined> {
    const packages = await loadPackages();
    return packages && new PayloadValidator(new ValidationPipe({ ...packages, ...options, transform: true }));
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
  const message: unknown = typeof response === 'object' && 'message' in response ? response.message : response;
  const messages = [message].flat().flatMap(ruleTexts);
  return messages.length > 0 ? messages : [error.message];
}

function ruleTexts(message: unknown): string[] {
  if (typeof message === 'string') return [message];
  if (typeof message !== 'object' || message === null) return [];
  const { constraints, children } = message as { readonly constraints?: object; readonly children?: unknown };
  const own = Object.values(constraints ?? {}).filter((text) => typeof text === 'string');
  return [...own, ...(Array.isArray(children) ? children.flatMap(ruleTexts) : [])];
}

type ValidationPackages = Pick<ValidationPipeOptions, 'validatorPackage' | 'transformerPackage'>;

async function loadPackages(): Promise<ValidationPackages | undefined> {
  try {
    const [validator, transformer] = await Promise.all([import('class-validator'), import('class-transformer')]);
    return { validatorPackage: validator, transformerPackage: transformer };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
