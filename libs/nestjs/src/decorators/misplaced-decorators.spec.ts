import { expect, it } from 'vitest';
import { PeriodicTask, TaskAggregator, TaskHandler } from '../index.js';

type Decorate = (target: unknown, method?: unknown, descriptor?: unknown) => void;

class MailTasks {
  send(): void {}
}

const DECORATORS: [name: string, written: string, decorate: Decorate][] = [
  ['TaskHandler', '@TaskHandler("mail:send")', TaskHandler('mail:send') as Decorate],
  ['TaskAggregator', '@TaskAggregator("digest")', TaskAggregator('digest') as Decorate],
  ['PeriodicTask', '@PeriodicTask("@daily")', PeriodicTask('@daily', { type: 'mail:daily' }) as Decorate],
];

const PLACES: [place: string, args: [target: unknown, method?: unknown, descriptor?: unknown], text: string][] = [
  ['a static method', [MailTasks, 'send', { value: () => undefined }], 'is on the static method MailTasks.send'],
  [
    'a property',
    [MailTasks.prototype, 'send', undefined],
    'is on the property MailTasks.send; put it on a method: send() { … }',
  ],
  ['an accessor', [MailTasks.prototype, 'send', { get: () => 1 }], 'is on the accessor MailTasks.send'],
  ['a parameter', [MailTasks.prototype, 'send', 0], 'is on a parameter of MailTasks.send'],
  ['a method of a newer kind', [() => undefined, { kind: 'method', name: 'send' }], 'set "experimentalDecorators"'],
];

for (const [name, written, decorate] of DECORATORS) {
  it.each(PLACES)(`@${name} on %s is refused with class, member and fix`, (_place, args, text) => {
    expect(() => decorate(...args)).toThrow(`${written} ${text.startsWith('is') ? text : 'is compiled'}`);
    expect(() => decorate(...args)).toThrow(text);
  });
}

it.each([
  [
    'TaskHandler',
    TaskHandler('mail:send') as Decorate,
    'on the class MailTasks; put it on the method that should handle tasks',
  ],
  [
    'TaskAggregator',
    TaskAggregator('digest') as Decorate,
    'on the class MailTasks; put it on the method that should aggregate tasks',
  ],
  [
    'PeriodicTask',
    PeriodicTask('@daily', { type: 'mail:daily' }) as Decorate,
    'on the class MailTasks needs a task type as its second argument',
  ],
])('@%s on a class is refused with the fix', (_name, decorate, text) => {
  expect(() => decorate(MailTasks)).toThrow(text);
});

const given = (value: unknown): never => value as never;

it.each<[string, Decorate, string]>([
  [
    'undefined',
    TaskHandler(given(undefined)) as Decorate,
    '@TaskHandler(undefined) on MailTasks.send needs the task type that it handles, a text; a constant of a file that imports this one is still undefined here',
  ],
  [
    'an object',
    TaskHandler(given({ type: 'a' })) as Decorate,
    '@TaskHandler({…}) on MailTasks.send needs the task type',
  ],
  [
    'a class',
    TaskHandler(given(MailTasks)) as Decorate,
    '@TaskHandler(MailTasks) on MailTasks.send needs the task type',
  ],
  [
    'no group',
    TaskAggregator(given(undefined)) as Decorate,
    '@TaskAggregator(undefined) on MailTasks.send needs the name of a group',
  ],
  [
    'no spec',
    PeriodicTask<'mail:daily'>(given(undefined), 'mail:daily'),
    '@PeriodicTask(undefined) on MailTasks.send needs a cron spec',
  ],
])('%s in place of a name is refused with class and method', (_name, decorate, text) => {
  const descriptor = Object.getOwnPropertyDescriptor(MailTasks.prototype, 'send');

  expect(() => decorate(MailTasks.prototype, 'send', descriptor)).toThrow(text);
});
