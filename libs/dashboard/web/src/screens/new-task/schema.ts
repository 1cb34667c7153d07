import { type JsonNode, parseJsonTree } from '../../exact/json-tree.js';

/** The part of JSON Schema that a form is made of. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
}

export type Kind = 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean' | 'json';

/** What control a schema asks for; `json`: one that a form cannot show. */
export function kindOf(schema: Schema): Kind {
  const type = Array.isArray(schema.type) ? (schema.type as string[]).find((one) => one !== 'null') : schema.type;
  switch (type) {
    case 'object':
      return schema.properties ? 'object' : 'json';
    case 'array':
      return schema.items ? 'array' : 'json';
    case 'string':
    case 'number':
    case 'integer':
    case 'boolean':
      return type;
    default:
      return schema.properties ? 'object' : 'json';
  }
}

/** Objects in objects are shown to this depth. */
const DEEPEST = 6;

/** A value to begin with: required fields, and those with a default. */
export function initialOf(schema: Schema, depth = 0): JsonNode {
  const given =
    schema.default ?? schema.const ?? (schema.enum && schema.enum.length === 1 ? schema.enum[0] : undefined);
  const node = given === undefined ? undefined : parseJsonTree(JSON.stringify(given));
  if (node) return node;
  switch (kindOf(schema)) {
    case 'object': {
      const required = new Set(schema.required);
      const names = Object.entries(schema.properties ?? {}).filter(
        ([name, own]) => depth < DEEPEST && (required.has(name) || own.default !== undefined),
      );
      return { kind: 'object', entries: names.map(([name, own]) => [name, initialOf(own, depth + 1)] as const) };
    }
    case 'array':
      return { kind: 'array', items: [] };
    case 'boolean':
      return { kind: 'boolean', text: 'false' };
    case 'number':
    case 'integer':
      return { kind: 'number', text: String(Math.max(0, schema.minimum ?? 0)) };
    case 'string':
      return { kind: 'string', text: typeof schema.enum?.[0] === 'string' ? schema.enum[0] : '' };
    case 'json':
    default:
      return { kind: 'null', text: 'null' };
  }
}

/** What a value breaks, by the path to it: the server may check more. */
export type Problem =
  'required' | 'kind' | 'whole' | 'enum' | 'least' | 'most' | 'short' | 'long' | 'pattern' | 'format' | 'few' | 'many';

export function problemsOf(node: JsonNode | undefined, schema: Schema, path = ''): Map<string, Problem> {
  const problems = new Map<string, Problem>();
  if (node === undefined) return problems;
  const put = (problem: Problem | false | undefined): void => {
    if (problem) problems.set(path, problem);
  };
  if (node.kind === 'null') {
    put(!allowsNull(schema) && kindOf(schema) !== 'json' && 'required');
    return problems;
  }
  const kind = kindOf(schema);
  const fits = kind === 'json' || node.kind === (kind === 'integer' ? 'number' : kind);
  if (!fits) {
    put('kind');
    return problems;
  }
  if (schema.enum && !schema.enum.some((value) => sameScalar(node, value))) put('enum');
  if (node.kind === 'object') {
    const required = new Set(schema.required);
    const given = new Set(node.entries.map(([name]) => name));
    for (const name of required) if (!given.has(name)) problems.set(`${path}/${name}`, 'required');
    for (const [name, value] of node.entries) {
      const own = schema.properties?.[name];
      if (own) for (const [at, problem] of problemsOf(value, own, `${path}/${name}`)) problems.set(at, problem);
    }
  }
  if (node.kind === 'array') {
    put(schema.minItems !== undefined && node.items.length < schema.minItems && 'few');
    put(schema.maxItems !== undefined && node.items.length > schema.maxItems && 'many');
    for (const [index, item] of node.items.entries())
      for (const [at, problem] of problemsOf(item, schema.items ?? {}, `${path}/${index}`)) problems.set(at, problem);
  }
  if (node.kind === 'string') {
    const { length } = Array.from(node.text);
    put(schema.minLength !== undefined && length < schema.minLength && 'short');
    put(schema.maxLength !== undefined && length > schema.maxLength && 'long');
    put(schema.pattern !== undefined && !matches(node.text, schema.pattern) && 'pattern');
    put(!hasFormat(node.text, schema.format) && 'format');
  }
  if (node.kind === 'number') {
    const value = Number(node.text);
    put(kind === 'integer' && /[.eE]/.test(node.text) && !Number.isInteger(value) && 'whole');
    put(schema.minimum !== undefined && value < schema.minimum && 'least');
    put(schema.maximum !== undefined && value > schema.maximum && 'most');
  }
  return problems;
}

function allowsNull({ type, enum: values }: Schema): boolean {
  return (Array.isArray(type) && type.includes('null')) || (values?.includes(null) ?? false);
}

function sameScalar(node: JsonNode, value: unknown): boolean {
  if (node.kind === 'string') return node.text === value;
  return node.kind !== 'array' && node.kind !== 'object' && node.text === JSON.stringify(value);
}

function hasFormat(text: string, format: string | undefined): boolean {
  switch (format) {
    case 'email':
      return /^[^\s@]+@[^\s@]+$/.test(text);
    case 'uri':
      return URL.canParse(text);
    case 'uuid':
      return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text);
    case 'date-time':
      return !Number.isNaN(Date.parse(text));
    default:
      return true;
  }
}

function matches(text: string, pattern: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(text);
  } catch {
    return true; // a pattern of another dialect: the server decides
  }
}
