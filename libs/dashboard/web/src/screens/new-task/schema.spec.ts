import { describe, expect, it } from 'vitest';
import { parseJsonTree, printJson } from '../../exact/json-tree.js';
import { initialOf, kindOf, problemsOf, type Schema } from './schema.js';

const schema: Schema = {
  type: 'object',
  required: ['email', 'count'],
  properties: {
    email: { type: 'string', minLength: 3, pattern: '@' },
    count: { type: 'integer', minimum: 1, maximum: 10 },
    tone: { enum: ['kind', 'strict'], type: 'string', default: 'kind' },
    tags: { type: 'array', items: { type: 'string' }, maxItems: 2 },
    extra: {},
    note: { type: ['string', 'null'] },
  },
};

const problems = (json: string) => Object.fromEntries(problemsOf(parseJsonTree(json), schema));

describe('the form of a schema', () => {
  it('begins with what is required or has a default', () => {
    expect(printJson(initialOf(schema))).toBe('{"email":"","count":1,"tone":"kind"}');
  });

  it('names what is missing and what breaks a bound', () => {
    expect(problems('{"email":"x","tags":["a","b","c"],"tone":"rude"}')).toEqual({
      '/email': 'pattern',
      '/count': 'required',
      '/tags': 'many',
      '/tone': 'enum',
    });
    expect(problems('{"email":"a@b","count":11}')).toEqual({ '/count': 'most' });
    expect(problems('{"email":"a@b","count":1.5}')).toEqual({ '/count': 'whole' });
    expect(problems('{"email":7,"count":1}')).toEqual({ '/email': 'kind' });
  });

  it.each([
    ['email', 'ada@example.com', 'ada'],
    ['uri', 'https://example.com', 'example'],
    ['uuid', '0193f8a2-7c41-7d0e-9b7a-000000000001', '0193'],
    ['date-time', '2026-03-04T05:06:07Z', 'soon'],
  ])('knows an %s', (format, right, wrong) => {
    expect(problemsOf({ kind: 'string', text: right }, { type: 'string', format }).size).toBe(0);
    expect(problemsOf({ kind: 'string', text: wrong }, { type: 'string', format }).get('')).toBe('format');
  });

  it('accepts what fits, null where it is allowed, and what it does not know', () => {
    expect(problems('{"email":"a@b","count":3,"note":null,"extra":[1],"other":2}')).toEqual({});
  });

  it('leaves to JSON what no control can show', () => {
    expect(kindOf({})).toBe('json');
    expect(kindOf({ type: 'object' })).toBe('json');
  });

  it('ends with a class that holds itself', () => {
    const node: Schema = { type: 'object', required: ['next'], properties: {} };
    (node.properties as Record<string, Schema>)['next'] = node;

    expect(printJson(initialOf(node)).length).toBeLessThan(200);
  });
});
