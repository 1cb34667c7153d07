import type { TaskOptions } from '@nestjs-asynq/core';
import type { Context } from '../context.js';
import { oneLine } from '../output/cells.js';
import { parseGoDuration } from '../output/go-duration.js';
import { rfc3339Time } from '../output/point-in-time.js';
import { UsageError } from '../usage.error.js';
import { type Cli, HEADER, queueName, readHeaders, type Run, text } from './command.js';
import { checkPayload } from './payload.js';

interface EnqueueFlags {
  readonly type_name: string;
  readonly payload: string;
  readonly queue: string | undefined;
  readonly id: string | undefined;
  readonly retry: number | undefined;
  readonly timeout: string | undefined;
  readonly deadline: string | undefined;
  readonly unique: string | undefined;
  readonly process_at: string | undefined;
  readonly process_in: string | undefined;
  readonly retention: string | undefined;
  readonly group: string | undefined;
  readonly partition_key: string | undefined;
  readonly header: readonly string[] | undefined;
}

export function enqueueCommand(cli: Cli, run: Run): Cli {
  return cli.command(
    'enqueue',
    'Enqueue a task',
    (command) =>
      command
        .option('type_name', { ...text('Type of the task'), alias: 't', demandOption: true })
        .option('payload', { ...text('Payload, used unchanged'), alias: 'l', demandOption: true })
        .option('retry', { type: 'number', describe: 'Maximum number of retries', defaultDescription: '25' })
        .option('queue', { ...queueName('Queue for the task'), alias: 'q', defaultDescription: 'default' })
        .option('id', { ...text('Id of the task'), alias: 'i', defaultDescription: 'a random UUID' })
        .option('timeout', { ...text('Maximum duration of an attempt, such as 10m'), defaultDescription: '30m' })
        .option('deadline', text('When every attempt must have ended, RFC 3339'))
        .option('unique', text('Refuse equal tasks for this long, such as 1h'))
        .option('process_at', text('When to start, RFC 3339'))
        .option('process_in', text('Delay before the task may start, such as 30s'))
        .option('retention', text('How long to keep the completed task, such as 24h'))
        .option('group', { ...text('Group to aggregate with'), alias: 'g' })
        .option('partition_key', text('In a partitioned queue: tasks of one key go to one partition'))
        .option('header', HEADER),
    run(enqueue, ['header']),
  );
}

async function enqueue(context: Context, flags: EnqueueFlags): Promise<void> {
  const client = await context.clientFor(flags.queue ?? 'default');
  const payload = Buffer.from(flags.payload);
  const options = taskOptions(flags);
  checkPayload(context, payload);
  const task = await client.enqueue(flags.type_name, payload, options);
  context.show(task, `Enqueued task ${oneLine(task.id)} to queue ${oneLine(task.queue)}`);
}

function taskOptions(flags: EnqueueFlags): TaskOptions {
  return {
    queue: flags.queue,
    taskId: flags.id,
    maxRetry: flags.retry,
    timeout: duration('timeout', flags.timeout) || undefined, // as in asynq, 0 means the default
    deadline: parseDate('deadline', flags.deadline),
    unique: duration('unique', flags.unique),
    processAt: parseDate('process_at', flags.process_at),
    processIn: duration('process_in', flags.process_in),
    retention: duration('retention', flags.retention),
    group: flags.group,
    partitionKey: flags.partition_key,
    headers: readHeaders(flags.header),
  };
}

function duration(name: string, given: string | undefined): number | undefined {
  return given === undefined ? undefined : parseGoDuration(name, given);
}

/** @throws {UsageError} not a time in RFC 3339 */
export function parseDate(name: string, given: string | undefined): Date | undefined {
  if (given === undefined) return undefined;
  const read = rfc3339Time(given);
  if (read) return read;
  throw new UsageError(`--${name} is "${given}": a time such as 2030-01-31T12:00:00Z expected`);
}
