import { Injectable } from '@nestjs/common';
import { Type } from 'class-transformer';
import { IsOptional, IsString, ValidateNested } from 'class-validator';
import { afterEach, expect, it } from 'vitest';
import { Ctx, Payload, type TaskContext, TaskHandler } from '../index.js';
import { startApp } from '../test-app.fixture.js';

class Address {
  @IsString()
  street!: string;
}

class Letter {
  @IsString()
  to!: string;

  @IsOptional()
  @ValidateNested()
  @Type(() => Address)
  address?: Address;
}

/** What a peer may write to make objects that it does not own privileged. */
const POLLUTED = ['__proto__', 'constructor', 'prototype'].map((name) => `"${name}": { "isAdmin": true }`);
const NESTED = '"constructor": { "prototype": { "isAdmin": true } }';
const json = (...members: readonly string[]): Buffer => Buffer.from(`{ ${members.join(', ')} }`);

const isAdmin = (value: unknown): unknown => (value as { isAdmin?: unknown } | undefined)?.isAdmin;

let seen: unknown[] = [];
afterEach(() => {
  seen = [];
});

@Injectable()
class LetterTasks {
  @TaskHandler('letter:bound')
  bound(@Payload() letter: Letter, @Ctx() { headers }: TaskContext): void {
    seen.push(letter instanceof Letter, letter, letter.address, headers, {}, []);
  }

  @TaskHandler('letter:part')
  part(@Payload('address') address: Address): void {
    seen.push(address instanceof Address, address, {});
  }

  @TaskHandler('letter:plain')
  plain(@Payload() letter: unknown): void {
    seen.push(Object.getPrototypeOf(letter) === Object.prototype, letter, { ...(letter as object) }, {});
  }
}

const ADDRESS = `"address": { "street": "s", ${POLLUTED.join(', ')} }`;

it.each([
  ['letter:bound', json('"to": "ada"', ADDRESS, ...POLLUTED)],
  ['letter:bound', json('"to": "ada"', ADDRESS, NESTED)],
  ['letter:part', json(ADDRESS, ...POLLUTED)],
  ['letter:plain', json('"to": "ada"', ...POLLUTED)],
])('a payload gives no object a property that it does not name: %s', async (type, payload) => {
  await using app = await startApp({ providers: [LetterTasks] });
  const headers = JSON.parse('{ "__proto__": "isAdmin", "constructor": "isAdmin" }') as Record<string, string>;

  const event = await app.run(type, payload, { headers });

  expect(event).toMatchObject({ kind: 'succeeded' });
  expect([seen[0], seen.map(isAdmin)]).toEqual([true, seen.map(() => undefined)]);
  expect(isAdmin(Object)).toBeUndefined();
});

it.each([
  ['no object', Buffer.from('"text"')],
  ['null', Buffer.from('null')],
  ['nothing', undefined],
  ['an array', Buffer.from('[{ "to": "ada" }]')],
  ['a nested array', Buffer.from('{ "to": "ada", "address": [[[]]] }')],
  ['a deep object', Buffer.from(`${'{"address":'.repeat(5_000)}1${'}'.repeat(5_000)}`)],
  ['a deep array', Buffer.from(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)],
  ['not UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22])],
  ['a property in place of a method', Buffer.from('{ "to": "ada", "hasOwnProperty": 1, "toString": 1, "then": 1 }')],
])('a payload that is %s ends its own task at most', async (_, payload) => {
  await using app = await startApp({ providers: [LetterTasks] });

  const event = await app.run('letter:bound', payload);
  const next = await app.run('letter:bound', { to: 'ada' });

  expect(['archived', 'retried', 'succeeded']).toContain(event.kind);
  expect(next.kind).toBe('succeeded');
});
