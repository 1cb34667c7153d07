import type { Type } from '@nestjs/common';

/** One rule of class-validator, as it stores them. */
interface Rule {
  readonly propertyName: string;
  readonly type: string;
  readonly name?: string;
  readonly constraints?: readonly unknown[];
  readonly each?: boolean;
}

interface Rules {
  getTargetValidationMetadatas(target: unknown, schema: string, strict: boolean, always: boolean): readonly Rule[];
}

interface NestedTypes {
  findTypeMetadata(target: unknown, property: string): { readonly typeFunction: () => unknown } | undefined;
}

type Schema = Record<string, unknown>;

/** Nesting beyond this is a class that holds itself. */
const DEEPEST = 5;

const PLAIN: ReadonlyMap<unknown, Schema> = new Map<unknown, Schema>([
  [String, { type: 'string' }],
  [Number, { type: 'number' }],
  [Boolean, { type: 'boolean' }],
  [Date, { type: 'string', format: 'date-time' }],
]);

/** JSON Schemas of payload classes, by their rules of class-validator, for the form of a new task. */
export class PayloadSchemas {
  private constructor(
    private readonly rules: Rules | undefined,
    private readonly nested: NestedTypes | undefined,
  ) {}

  /** Without class-validator no class has a schema. */
  static async load(): Promise<PayloadSchemas> {
    try {
      const { getMetadataStorage } = await import('class-validator');
      const nested = await loadNestedTypes();
      return new PayloadSchemas(getMetadataStorage(), nested);
    } catch {
      return new PayloadSchemas(undefined, undefined);
    }
  }

  /** `undefined`: no class, or one without rules. */
  of(payloadClass: Type | undefined, depth = 0): Schema | undefined {
    if (!this.rules || typeof payloadClass !== 'function' || depth > DEEPEST) return undefined;
    const rules = this.rules.getTargetValidationMetadatas(payloadClass, '', false, false);
    if (rules.length === 0) return undefined;
    const byProperty = groupByName(rules);
    const properties: Record<string, Schema> = {};
    const required: string[] = [];
    for (const [property, own] of byProperty) {
      properties[property] = this.ofProperty(payloadClass, property, own, depth);
      if (!own.some(({ type }) => type === 'conditionalValidation')) required.push(property);
    }
    return { type: 'object', title: payloadClass.name, properties, ...(required.length > 0 && { required }) };
  }

  private ofProperty(payloadClass: Type, property: string, rules: readonly Rule[], depth: number): Schema {
    const designType: unknown = Reflect.getMetadata('design:type', payloadClass.prototype as object, property);
    const isList = designType === Array || rules.some(({ each, name }) => each === true || name === 'isArray');
    const nested =
      this.nested?.findTypeMetadata(payloadClass, property)?.typeFunction() ?? (isList ? undefined : designType);
    const isNested = rules.some(({ type, name }) => type === 'nestedValidation' || name === 'nestedValidation');
    const base = (isNested && this.of(nested as Type, depth + 1)) || (isList ? {} : (PLAIN.get(designType) ?? {}));
    const ofItems = rules.filter(({ each }) => !isList || each === true);
    const schema: Schema = Object.assign({ ...base }, ...ofItems.map(keywordsOf));
    if (!isList) return schema;
    const ofList = rules.filter(({ each }) => each !== true);
    return Object.assign({ type: 'array', items: schema }, ...ofList.map(listKeywordsOf)) as Schema;
  }
}

function groupByName(rules: readonly Rule[]): Map<string, Rule[]> {
  const groups = new Map<string, Rule[]>();
  for (const rule of rules) groups.set(rule.propertyName, [...(groups.get(rule.propertyName) ?? []), rule]);
  return groups;
}

/** The keywords of JSON Schema that say the same as a rule. */
function keywordsOf({ name, constraints = [] }: Rule): Schema {
  const [first, second] = constraints;
  switch (name) {
    case 'isString':
      return { type: 'string' };
    case 'isNumber':
    case 'isDecimal':
      return { type: 'number' };
    case 'isInt':
      return { type: 'integer' };
    case 'isPositive':
      return { exclusiveMinimum: 0 };
    case 'isNegative':
      return { exclusiveMaximum: 0 };
    case 'isBoolean':
      return { type: 'boolean' };
    case 'isObject':
      return { type: 'object' };
    case 'isEmail':
      return { type: 'string', format: 'email' };
    case 'isUrl':
      return { type: 'string', format: 'uri' };
    case 'isUuid':
      return { type: 'string', format: 'uuid' };
    case 'isDateString':
    case 'isIso8601':
      return { type: 'string', format: 'date-time' };
    case 'isNotEmpty':
      return { minLength: 1 };
    case 'min':
      return { minimum: first };
    case 'max':
      return { maximum: first };
    case 'minLength':
      return { minLength: first };
    case 'maxLength':
      return { maxLength: first };
    case 'isLength':
    case 'length':
      return { minLength: first, ...(second !== undefined && { maxLength: second }) };
    case 'matches':
      return first instanceof RegExp ? { pattern: first.source } : {};
    case 'isIn':
      return Array.isArray(first) ? { enum: first } : {};
    case 'isEnum':
      return Array.isArray(second)
        ? { enum: second }
        : typeof first === 'object'
          ? { enum: Object.values(first!) }
          : {};
    case 'equals':
      return { const: first };
    default:
      return {};
  }
}

function listKeywordsOf({ name, constraints = [] }: Rule): Schema {
  const [first] = constraints;
  switch (name) {
    case 'arrayMinSize':
      return { minItems: first };
    case 'arrayMaxSize':
      return { maxItems: first };
    case 'arrayNotEmpty':
      return { minItems: 1 };
    case 'arrayUnique':
      return { uniqueItems: true };
    default:
      return {};
  }
}

/** class-transformer shows the classes of `@Type()` only in a file of its own. */
async function loadNestedTypes(): Promise<NestedTypes | undefined> {
  try {
    const file = 'class-transformer/cjs/storage.js';
    const { defaultMetadataStorage } = (await import(file)) as { defaultMetadataStorage: NestedTypes };
    return defaultMetadataStorage;
  } catch {
    return undefined;
  }
}
