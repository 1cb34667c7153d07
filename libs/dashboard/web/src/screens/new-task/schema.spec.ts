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
