import { Client, type Connection, Inspector, openBroker, silentLogger } from '@nestjs-asynq/core';
import { FakeClock } from '@nestjs-asynq/core/testing';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { runCli } from './program.js';

let clock: FakeClock;
let connection: Connection;
let client: Client;

beforeEach(() => {
  clock = new FakeClock();
  connection = openBroker('memory', { clock });
  client = new Client({ connection, logger: silentLogger });
});

/** Runs a command line on the memory broker. */
async function asynq(line: string): Promise<{ status: number; stdout: string; stderr: string }> {
  const printed = { stdout: '', stderr: '' };
  const io = {
    env: {},
    home: '/nowhere',
    isTty: false,
    nowMs: () => clock.nowMs(),
    stdout: (text: string) => void (printed.stdout += text),
    stderr: (text: string) => void (printed.stderr += text),
  };
  const status = await runCli(line.split(' '), io, () => connection);
  return { status, ...printed };
}

const keysOf = (printed: object): string[] => Object.keys(printed).toSorted();

describe('asynq', () => {
  it('prints a list of tasks in the columns of their state', async () => {
    await client.enqueue('email', { to: 'ada' }, { taskId: 'one', processIn: '90s' });

    const { status, stdout } = await asynq('task ls -q default -s scheduled');

    expect(status).toBe(0);
    expect(stdout).toBe(
      [
        'ID   Type   Payload       Process In',
        '--   ----   -------       ----------',
        'one  email  {"to":"ada"}  in 1m30s',
        '',
      ].join('\n'),
    );
  });

  it('prints one page of a list', async () => {
    for (const taskId of ['one', 'two', 'three']) await client.enqueue('email', {}, { taskId });

    const { stdout } = await asynq('task ls -q default -s pending --size 2 --page 2');

    expect(stdout.trimEnd().split('\n').slice(2)).toEqual(['three  email  {}']);
  });

  it.each([
    ['run', '2 tasks are now pending\n', 'pending'],
    ['archive', '2 tasks archived\n', 'archived'],
    ['delete', '2 tasks deleted\n', undefined],
  ])('can %s the tasks that a search finds', async (action, told, after) => {
    for (const taskId of ['a1', 'a2', 'b']) await client.enqueue('email', {}, { taskId, processIn: '1h' });

    const { stdout } = await asynq(`task find -q default -s scheduled --id_prefix a --${action}`);

    expect(stdout).toBe(told);
    const inspector = new Inspector({ connection });
    expect(await inspector.taskInfo('default', 'b')).toMatchObject({ state: 'scheduled' });
    const found = inspector.taskInfo('default', 'a1').then((task) => task.state);
    expect(await found.catch(() => undefined)).toBe(after);
  });

  it('shows where a search that has reached its limit would continue', async () => {
    for (const taskId of ['one', 'two', 'three']) await client.enqueue('email', {}, { taskId });
    const find = 'task find -q default -s pending --limit 1';

    const { stdout } = await asynq(find);
    const cursor = /--cursor (\S+)$/m.exec(stdout)![1];
    const next = await asynq(`${find} --cursor ${cursor}`);

    expect(stdout).toMatch(/^three .*$/m);
    expect(next.stdout).toMatch(/^two .*$/m);
  });

  it('sums up all queues, and marks paused ones', async () => {
    await client.enqueue('email', {}, { queue: 'a' });
    await client.enqueue('email', {}, { queue: 'b', processIn: '1h' });
    await asynq('queue pause b');

    const { stdout } = await asynq('stats');

    expect(stdout).toMatch(/^0 +1 +0 +1 +0 +0 +0$/m);
    expect(stdout).toMatch(/^--------- {2}--------- .*\n0 /m);
    expect(stdout).toMatch(/^a +b \(paused\)\n(-{10} *){2}\n1 +1$/m);
  });

  it('sums up the queues that it can read', async () => {
    await client.enqueue('email', {}, { queue: 'a' });
    vi.spyOn(Inspector.prototype, 'queues').mockResolvedValueOnce(['', 'a']);

    const { status, stdout, stderr } = await asynq('stats');

    expect(status).toBe(1);
    expect(stdout).toMatch(/^a\n/m);
    expect(stderr).toMatch(/^error: option "queue" is "".*\n$/);
  });

  it('continues after a failed item, and ends with status 1', async () => {
    await client.enqueue('email', null, { queue: 'here' });

    const { status, stdout, stderr } = await asynq('queue inspect missing here');

    expect(status).toBe(1);
    expect(stdout).toContain('Name:   here\n');
    expect(stderr).toMatch(/^error: .*"missing".*\n$/);
  });

  it('reports that a queue is already paused', async () => {
    await asynq('queue pause a');

    expect(await asynq('queue pause a b')).toEqual({
      status: 1,
      stdout: 'Successfully paused queue "b"\n',
      stderr: 'error: queue "a" is already paused\n',
    });
  });

  it.each([
    ['stats', ['aggregate', 'queues', 'redis']],
    ['queue pause mail', ['paused']],
    ['queue resume other', ['unpaused']],
    ['queue rm --force mail', ['removed']],
    ['queue history mail -x 2', [['days', 'queue']]],
    ['task run -q mail -i one', ['pending']],
    ['task archive -q mail -i one', ['archived']],
    ['task rm -q mail -i one', ['deleted']],
    ['task cancel one', ['signaled']],
    ['task runall -q mail -s scheduled', ['count']],
    ['task find -q mail -s scheduled', ['cursor', 'scanned', 'tasks']],
    ['task find -q mail -s scheduled --run --dry_run', ['count', 'dryRun']],
    ['cron history one', [['entryId', 'events']]],
  ])('prints JSON that programs can rely on: "%s"', async (line, keys) => {
    await client.enqueue('email', {}, { queue: 'mail', taskId: 'one', processIn: '1h' });
    await client.enqueue('email', {}, { queue: 'other' });
    await asynq('queue pause other');

    const { status, stdout } = await asynq(`${line} --json`);

    expect(status).toBe(0);
    const printed = JSON.parse(stdout) as object | object[];
    expect(Array.isArray(printed) ? printed.map(keysOf) : keysOf(printed)).toEqual(keys);
  });

  it.each([
    ['queue lst', 'error: Did you mean list?\n'],
    ['taks ls', 'error: Did you mean task?\n'],
    ['queue', 'error: Which queue command? See: asynq queue --help\n'],
    ['queue pause', 'error: A name or id is missing; see --help\n'],
    ['queue ls --forse', 'error: Unknown argument: forse\n'],
    ['task inspect -q a -q b -i c', /^error: --q\w* is given more than once\n$/],
    ['task inspect -q default', 'error: Missing required argument: id\n'],
    ['task ls -q default -s done', /^error: Invalid values: Argument: state, Given: "done", Choices: .*\n$/],
    ['task ls -q default -s aggregating', 'error: --group is required for aggregating tasks\n'],
    ['task runall -q default -s aggregating', 'error: --group is required for aggregating tasks\n'],
    ['task archiveall -q default -s aggregating', 'error: --group is required for aggregating tasks\n'],
    ['task deleteall -q default -s aggregating', 'error: --group is required for aggregating tasks\n'],
    ['dash', 'error: dash needs a terminal\n'],
    ['dash --refresh 999ms', 'error: --refresh is "999ms": 1s or more expected\n'],
    ['task enqueue -t a -l b --timeout soon', /^error: --timeout is "soon": .*\n$/],
    ['task find -q a -s retry --run --delete', 'error: only one of --run, --archive and --delete\n'],
    ['task find -q a -s retry --dry_run', 'error: --dry_run needs one of --run, --archive and --delete\n'],
    ['task find -q a -s retry --header tenant', 'error: --header is "tenant": name=value expected\n'],
    ['queue ls --config /nowhere/asynq.yaml', 'error: config file /nowhere/asynq.yaml: no such file\n'],
    ['task enqueue -t a -l b --process_at tomorrow', /^error: --process_at is "tomorrow": .*\n$/],
  ])('refuses "%s" with one line and status 2', async (line, message) => {
    const { status, stdout, stderr } = await asynq(line);

    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
  });

  it('prints several problems of the core in one line', async () => {
    const { status, stderr } = await asynq('task enqueue -t a -l b --retry -1 --queue {}');

    expect(status).toBe(2);
    expect(stderr).toMatch(/^error: option "queue".*; option "maxRetry".*\n$/);
  });

  it('ends with the status of Ctrl-C when that stops bulk work', async () => {
    vi.spyOn(Inspector.prototype, 'deleteAll').mockImplementationOnce(async (_queue, _state, options) => {
      options?.onProgress?.({ done: 500, total: 2_000 });
      process.emit('SIGINT', 'SIGINT');
      options?.signal?.throwIfAborted();
      return 2_000;
    });

    expect(await asynq('task deleteall -q default -s pending')).toEqual({
      status: 130,
      stdout: '',
      stderr: 'error: stopped after 500 of 2000 tasks\n',
    });
  });
});
