import { Client, type Connection, openBroker, silentLogger } from '@nestjs-asynq/core';
import { FakeClock } from '@nestjs-asynq/core/testing';
import { beforeEach, describe, expect, it } from 'vitest';
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

  it('goes on after an item that fails, and ends with status 1', async () => {
    await client.enqueue('email', null, { queue: 'here' });

    const { status, stdout, stderr } = await asynq('queue inspect missing here');

    expect(status).toBe(1);
    expect(stdout).toContain('Name:   here\n');
    expect(stderr).toMatch(/^error: .*"missing".*\n$/);
  });

  it('says that a queue is paused already', async () => {
    await asynq('queue pause a');

    expect(await asynq('queue pause a b')).toEqual({
      status: 1,
      stdout: 'Successfully paused queue "b"\n',
      stderr: 'error: queue "a" is already paused\n',
    });
  });

  it.each([
    ['queue lst', 'error: Did you mean list?\n'],
    ['taks ls', 'error: Did you mean task?\n'],
    ['queue', 'error: Which queue command? See: asynq queue --help\n'],
    ['queue ls --forse', 'error: Unknown argument: forse\n'],
    ['task inspect -q a -q b -i c', /^error: --q\w* is given more than once\n$/],
    ['task inspect -q default', 'error: Missing required argument: id\n'],
    ['task ls -q default -s done', /^error: Invalid values:.*state.*"done".*\n$/],
    ['task enqueue -t a -l b --timeout soon', /^error: --timeout is "soon": .*\n$/],
    ['task enqueue -t a -l b --process_at tomorrow', /^error: --process_at is "tomorrow": .*\n$/],
  ])('refuses "%s" with one line and status 2', async (line, message) => {
    const { status, stdout, stderr } = await asynq(line);

    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
  });

  it('keeps to one line where the core has several to say', async () => {
    const { status, stderr } = await asynq('task enqueue -t a -l b --retry -1 --queue {}');

    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: option "queue".*; option "maxRetry".*\n$/);
  });
});
