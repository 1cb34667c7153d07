import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsEmail,
  IsIn,
  IsInt,
  IsNotEmpty,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { expect, it } from 'vitest';
import { PayloadSchemas } from './payload-schemas.js';

class Line {
  @IsString() @IsNotEmpty() article!: string;
  @IsInt() @Min(1) @Max(99) count!: number;
}

class Order {
  @IsEmail() to!: string;
  @IsOptional() @Length(2, 5) code?: string;
  @IsIn(['low', 'high']) priority!: string;
  @IsBoolean() paid!: boolean;
  @Matches(/^\d+$/) zip!: string;
  @IsArray() @ArrayMinSize(1) @ArrayMaxSize(10) @ValidateNested({ each: true }) @Type(() => Line) lines!: Line[];
  @IsString({ each: true }) tags!: string[];
}

class Plain {
  anything = 1;
}

it('describe payload classes by their rules', async () => {
  const schemas = await PayloadSchemas.load();

  expect(schemas.of(Order)).toEqual({
    type: 'object',
    title: 'Order',
    required: ['to', 'priority', 'paid', 'zip', 'lines', 'tags'],
    properties: {
      to: { type: 'string', format: 'email' },
      code: { type: 'string', minLength: 2, maxLength: 5 },
      priority: { type: 'string', enum: ['low', 'high'] },
      paid: { type: 'boolean' },
      zip: { type: 'string', pattern: String.raw`^\d+$` },
      lines: {
        type: 'array',
        minItems: 1,
        maxItems: 10,
        items: {
          type: 'object',
          title: 'Line',
          required: ['article', 'count'],
          properties: {
            article: { type: 'string', minLength: 1 },
            count: { type: 'integer', minimum: 1, maximum: 99 },
          },
        },
      },
      tags: { type: 'array', items: { type: 'string' } },
    },
  });
  expect(schemas.of(Plain)).toBeUndefined();
  expect(schemas.of(undefined)).toBeUndefined();
});
