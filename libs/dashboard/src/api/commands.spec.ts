import { expect, it } from 'vitest';
import { commands } from './commands.js';

it('are quoted as a shell reads them', () => {
  expect(commands.queue('mail')).toBe('asynq queue inspect mail');
  expect(commands.queue("it's $HOME")).toBe(String.raw`asynq queue inspect 'it'\''s $HOME'`);
  expect(commands.task('-q', '; rm -rf /')).toBe("asynq task inspect --queue=-q '--id=; rm -rf /'");
});

it('list the groups of a queue where no group is chosen, as the command line needs one', () => {
  expect(commands.tasks('mail', 'retry')).toBe('asynq task ls --queue=mail --state=retry');
  expect(commands.tasks('mail', 'aggregating')).toBe('asynq group ls --queue=mail');
  expect(commands.tasks('mail', 'aggregating', 'g')).toBe('asynq task ls --queue=mail --state=aggregating --group=g');
});

it('are quoted so that a terminal does not act on what is pasted', () => {
  expect(commands.queue('a\u0003\nrm -rf ~')).toBe(String.raw`asynq queue inspect $'a\003\012rm -rf ~'`);
  expect(commands.queue("\u202Ecod\\e'")).toBe(String.raw`asynq queue inspect $'\342\200\256cod\134e\047'`);
  expect(commands.queue('中文 ✓')).toBe("asynq queue inspect '中文 ✓'");
  expect(commands.queue('a\0b')).toBeUndefined();
});

it('tell names from flags', () => {
  expect(commands.pauseQueues(['a', 'b c'])).toBe("asynq queue pause a 'b c'");
  expect(commands.deleteQueue('--all', true)).toBe('asynq queue rm --force -- --all');
});

it('say a search over any number of queues and states', () => {
  const filter = { queue: ['mail'], state: ['archived' as const], type: 'email:*', error: 'time out', fromMs: 0 };

  expect(commands.search(filter, 'run')).toBe(
    "asynq task find --queue=mail --state=archived '--type_name=email:*' '--error_contains=time out' " +
      '--from=1970-01-01T00:00:00.000Z --run',
  );
  expect(commands.search({ queue: ['a', '-b'], state: ['retry', 'pending'], header: ['x=1', 'y=a b'] })).toBe(
    "asynq task find --queue=a --queue=-b --state=retry --state=pending --header=x=1 '--header=y=a b'",
  );
  expect(commands.search({ text: 'x y' })).toBe("asynq task find '--text=x y'");
  expect(commands.search({})).toBe('asynq task find');
  expect(commands.search({}, 'delete')).toBeUndefined();
});

it('say only the states that can match', () => {
  const state = ['active', 'retry', 'aggregating'] as const;

  expect(commands.search({ state, toMs: 0 })).toContain('--state=retry --state=aggregating --to');
  expect(commands.search({ state, group: 'g' })).toBe('asynq task find --state=aggregating --group=g');
  expect(commands.search({ state }, 'archive')).toBe('asynq task find --state=retry --state=aggregating --archive');
  expect(commands.search({ state: ['active'] }, 'delete')).toBeUndefined();
});
