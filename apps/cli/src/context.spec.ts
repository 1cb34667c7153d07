import { expect, it, vi } from 'vitest';
import { Context } from './context.js';

it.each([
  [true, '{\n  "a": 1\n}\n', 0],
  [false, 'text\n', 1],
])('lays out a text only when it is printed (JSON: %s)', async (isJson, printed, layouts) => {
  const stdout = vi.fn<(text: string) => void>();
  const io = { env: {}, home: '/nowhere', isTty: false, nowMs: () => 0, stdout, stderr: () => undefined };
  await using context = new Context(io, 'memory', false, isJson);
  const text = vi.fn<() => string>(() => 'text');

  context.show({ a: 1 }, text);

  expect(stdout.mock.calls.join('')).toBe(printed);
  expect(text).toHaveBeenCalledTimes(layouts);
});

it('asks nobody but a person', async () => {
  const answers = ['yes', 'Y', '', 'no'];
  const ask = vi.fn<(question: string) => Promise<string>>(async () => answers.shift()!);
  const io = {
    env: {},
    home: '/nowhere',
    isTty: true,
    nowMs: () => 0,
    stdout: () => undefined,
    stderr: () => undefined,
  };
  await using script = new Context(io, 'memory', false, false);
  await using person = new Context({ ...io, ask }, 'memory', false, false);

  await script.confirm('Delete all?', false);
  await person.confirm('Delete all?', true);
  expect(ask).not.toHaveBeenCalled();

  await person.confirm('Delete all?', false);
  await person.confirm(async () => 'Delete all?', false);
  await expect(person.confirm('Delete all?', false)).rejects.toThrow('nothing was changed');
  await expect(person.confirm('Delete all?', false)).rejects.toThrow('nothing was changed');
  expect(ask).toHaveBeenCalledWith('Delete all? [y/N] ');
});
