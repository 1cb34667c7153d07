import { Client, Inspector, openBroker, silentLogger } from '@nestjs-asynq/core';
import { FakeClock } from '@nestjs-asynq/core/testing';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { runLine } from './run-line.fixture.js';

let clock: FakeClock;
let connection: ReturnType<typeof openBroker>;
let client: Client;

beforeEach(() => {
  clock = new FakeClock();
  connection = openBroker('memory', { clock });
  client = new Client({ connection, logger: silentLogger });
});

/** Runs a command line on the memory broker. */
const asynq = (line: string) => runLine(connection, line, () => clock.nowMs());

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

  it('finds tasks in all queues and states, in either case, and says which', async () => {
    await client.enqueue('email', { to: 'ADA' }, { queue: 'mail', taskId: 'one' });
    await client.enqueue('email', { to: 'ada' }, { queue: 'other', taskId: 'two', processIn: '1h' });
    await client.enqueue('digest', { to: 'ada' }, { queue: 'other', taskId: 'three', group: 'daily' });
    await client.enqueue('email', { to: 'eve' }, { queue: 'other', taskId: 'four' });

    const exact = await asynq('task find --payload_contains ada');
    const folded = await asynq('task find --payload_contains ada --ignore_case');
    const anywhere = await asynq('task find --text DIGEST --ignore_case');
    const some = await asynq('task find -q mail -q other -s pending -s scheduled --payload_contains ada --ignore_case');

    const rows = (stdout: string) =>
      stdout
        .trimEnd()
        .split('\n')
        .slice(2)
        .map((line) => line.split(/ {2,}/).slice(0, 3));
    expect(rows(exact.stdout)).toEqual([
      ['other', 'scheduled', 'two'],
      ['other', 'aggregating', 'three'],
    ]);
    expect(rows(folded.stdout)).toEqual([['mail', 'pending', 'one'], ...rows(exact.stdout)]);
    expect(rows(some.stdout)).toEqual([
      ['mail', 'pending', 'one'],
      ['other', 'scheduled', 'two'],
    ]);
    expect(rows(anywhere.stdout)).toEqual([['other', 'aggregating', 'three']]);
    expect([exact, folded, some].map(({ status }) => status)).toEqual([0, 0, 0]);
  });

  it('continues a search through several lists where it stopped, and tells scripts that it did', async () => {
    for (const queue of ['a', 'b']) {
      for (const n of [1, 2]) await client.enqueue('email', {}, { queue, taskId: `${queue}${n}`, processIn: '1h' });
    }
    const found: string[] = [];
    const statuses: number[] = [];
    let cursor: string | null = null;
    do {
      const { status, stdout } = await asynq(
        `task find --limit 1 --json${cursor === null ? '' : ` --cursor ${cursor}`}`,
      );
      const page = JSON.parse(stdout) as { tasks: { id: string }[]; cursor: string | null; stopped: string | null };
      found.push(...page.tasks.map(({ id }) => id));
      statuses.push(status);
      cursor = page.cursor;
    } while (cursor !== null);

    expect(found).toEqual(['a1', 'a2', 'b1', 'b2']);
    expect(new Set(statuses.slice(0, -1))).toEqual(new Set([3]));
    expect(statuses.at(-1)).toBe(0);
    expect(await asynq('task find --limit 1 --partial')).toMatchObject({ status: 0 });
    expect(await asynq('task find --scan_budget 1')).toMatchObject({ status: 3 });
  });

  it('can run the tasks of all queues that a search finds', async () => {
    await client.enqueue('email', {}, { queue: 'a', taskId: 'one', processIn: '1h' });
    await client.enqueue('email', {}, { queue: 'b', taskId: 'two', processIn: '1h' });
    await client.enqueue('email', {}, { queue: 'b', taskId: 'three' });

    expect(await asynq('task find -t email --run')).toEqual({
      status: 0,
      stdout: '2 tasks are now pending\n',
      stderr: '',
    });
  });

  it.each([
    ['run', 'task is now pending'],
    ['archive', 'task archived'],
    ['delete', 'task deleted'],
  ])('can %s several tasks at once, and goes on after one that fails', async (action, told) => {
    for (const taskId of ['one', 'two']) await client.enqueue('email', {}, { taskId, processIn: '1h' });

    expect(await asynq(`task ${action} -q default -i one -i gone -i two`)).toEqual({
      status: 1,
      stdout: `one: ${told}\ntwo: ${told}\n`,
      stderr: expect.stringMatching(/^error: .*gone.*\n$/) as string,
    });
  });

  it('prints all tasks with size 0, and the last ones with page 0, as asynq does', async () => {
    for (let n = 0; n < 45; n++) await client.enqueue('email', {}, { taskId: `t${n}`, processIn: `${n + 1}m` });
    const list = async (flags: string) => {
      const { stdout } = await asynq(`task ls -q default -s scheduled ${flags}`);
      return stdout
        .trimEnd()
        .split('\n')
        .slice(2)
        .map((line) => line.split(' ')[0]);
    };

    expect(await list('--size 0')).toHaveLength(45);
    expect(await list('--page 0 --size 2')).toEqual(['t43', 't44']);
    expect(JSON.parse((await asynq('task ls -q default -s scheduled --size 0 --json')).stdout)).toHaveLength(45);
  });

  it('takes a timeout of 0 for the default, and headers', async () => {
    await asynq('task enqueue -t email -l {} -i one --timeout 0 --header tenant=a --header trace=1=2');

    const task = await new Inspector({ connection }).taskInfo('default', 'one');

    expect(task).toMatchObject({ timeoutMs: 1_800_000, headers: { tenant: 'a', trace: '1=2' } });
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

  it('takes names that look like flags behind two dashes', async () => {
    await client.enqueue('email', {}, { queue: '--force' });

    expect(await asynq('queue pause -- --force')).toEqual({
      status: 0,
      stdout: 'Successfully paused queue "--force"\n',
      stderr: '',
    });
    expect((await asynq('stats -- --force')).stderr).toBe('error: Unknown argument: --force\n');
  });

  it('reports that a queue is already paused', async () => {
    await asynq('queue pause a');

    expect(await asynq('queue pause a b')).toEqual({
      status: 1,
      stdout: 'Successfully paused queue "b"\n',
      stderr:
        'error: queue "a" is already paused\n' +
        'warning: no queue "b" exists; it is paused if it ever comes to exist\n',
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
    ['task find -q mail -s scheduled', ['cursor', 'scanned', 'stopped', 'tasks']],
    ['doctor --sample 0', ['findings', 'queues']],
    ['task cancel one -q mail --then retry', [['id', 'outcome', 'queue', 'reply']]],
    ['task reschedule -q mail -i one --process_in 1h', ['rescheduled']],
    ['task promote -q mail -i one', ['promoted']],
    ['task move -q mail -i one --to other', ['moved']],
    ['task edit -q mail -i one -l {}', ['edited']],
    ['task find -q mail -s scheduled --run --dry_run', ['count', 'dryRun']],
    ['cron history one', [['entryId', 'events']]],
  ])('prints JSON that programs can rely on: "%s"', async (line, keys) => {
    await client.enqueue('email', {}, { queue: 'mail', taskId: 'one', processIn: '1h' });
    await client.enqueue('email', {}, { queue: 'other' });
    await asynq('queue pause other');

    const { status, stdout, stderr } = await asynq(`${line} --json`);

    expect({ status: line.startsWith('doctor') ? 0 : status, stderr: line.includes('cancel') ? '' : stderr }).toEqual({
      status: 0,
      stderr: '',
    });
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
    ['task find --delete', /^error: --delete would act on all tasks of all queues: .*\n$/],
    ['task find -q a -s retry --dry_run', 'error: --dry_run needs one of --run, --archive and --delete\n'],
    ['task find -q a -s retry --header tenant', 'error: --header is "tenant": name=value expected\n'],
    ['queue ls --config /nowhere/asynq.yaml', 'error: config file /nowhere/asynq.yaml: no such file\n'],
    ['task enqueue -t a -l b --process_at tomorrow', /^error: --process_at is "tomorrow": .*\n$/],
    [
      'task enqueue -t a -l b --process_at 2026-02-31T10:00:00Z',
      /^error: --process_at is "2026-02-31T10:00:00Z": .*\n$/,
    ],
    [
      'task reschedule -q a -i b --process_at 2027-02-29T10:00:00Z',
      /^error: --process_at is "2027-02-29T10:00:00Z": .*\n$/,
    ],
    ['queue history a b --days 0', 'error: option "days" is 0; allowed: a whole number from 1 to 90\n'],
    ['queue pause {}', /^error: option "queue" is "\{\}"; .*\n$/],
  ])('refuses "%s" with one line and status 2', async (line, message) => {
    const { status, stdout, stderr } = await asynq(line);

    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
  });

  it('ends with status 1, not 2, when it has done a part of an invalid command line', async () => {
    await client.enqueue('email', {}, { queue: 'mail' });

    expect(await asynq('queue pause mail {}')).toMatchObject({
      status: 1,
      stdout: 'Successfully paused queue "mail"\n',
    });
  });

  it('says once what is true of all lists of a queue', async () => {
    expect(await asynq('task find -q nobodys')).toMatchObject({
      status: 1,
      stderr: 'error: queue not found: "nobodys"\n',
    });
  });

  it('prints its version as JSON, too', async () => {
    const { stdout } = await asynq('version --json');

    expect(JSON.parse(stdout)).toEqual({ version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string });
  });

  it('prints several problems of the core in one line', async () => {
    const { status, stderr } = await asynq('task enqueue -t a -l b --retry -1 --queue {}');

    expect(status).toBe(2);
    expect(stderr).toMatch(/^error: option "queue".*; option "maxRetry".*\n$/);
  });

  it('shows what a search had found when Ctrl-C stopped it', async () => {
    for (const taskId of ['one', 'two']) await client.enqueue('email', {}, { taskId });
    const findTasks = Inspector.prototype.findTasks;
    vi.spyOn(Inspector.prototype, 'findTasks').mockImplementationOnce(function (this: Inspector, search) {
      process.emit('SIGINT', 'SIGINT');
      return findTasks.call(this, { ...search, limit: 1 });
    });

    const { status, stdout } = await asynq('task find -q default -s pending');

    expect(status).toBe(130);
    expect(stdout).toMatch(
      /^two .*\n\nStopped by Ctrl-C: searched 1 tasks, there may be more; continue with --cursor /m,
    );
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
