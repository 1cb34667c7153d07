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

it('say a search, where the command line can do it', () => {
  const filter = { queue: ['mail'], state: ['archived' as const], type: 'email:*', error: 'time out', fromMs: 0 };

  expect(commands.search(filter, 'run')).toBe(
    "asynq task find --queue=mail --state=archived '--type_name=email:*' '--error_contains=time out' " +
      '--from=1970-01-01T00:00:00.000Z --run',
  );
  expect(commands.search({ ...filter, queue: ['a', 'b'] })).toBeUndefined();
  expect(commands.search({ text: 'x y' })).toBe("asynq task find '--text=x y'");
  expect(commands.search({})).toBe('asynq task find');
  expect(commands.search({}, 'delete')).toBeUndefined();
});
