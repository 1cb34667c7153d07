import type { ServerInfo } from '@nestjs-asynq/core';
import type { Context } from '../context.js';
import { oneLine } from '../output/cells.js';
import { type Cli, queueName, type Run } from './command.js';

const OUTCOMES = ['retry', 'archive', 'delete'] as const;

interface CancelFlags {
  readonly ids: readonly string[];
  readonly queue: string | undefined;
  readonly then: (typeof OUTCOMES)[number] | undefined;
}

export function cancelCommand(cli: Cli, run: Run): Cli {
  return cli.command(
    'cancel <ids..>',
    'Cancel active tasks',
    (command) =>
      command
        .positional('ids', { type: 'string', array: true, demandOption: true, describe: 'Ids of tasks' })
        .option('then', {
          choices: OUTCOMES,
          describe: 'What becomes of the task; without it, its handler and its server decide',
        })
        .option('queue', {
          ...queueName('Queue of the tasks, for --then; by default that of the server that runs it'),
          alias: 'q',
        }),
    run(cancel),
  );
}

async function cancel(context: Context, { ids, queue, then: outcome }: CancelFlags): Promise<void> {
  const servers = await context.inspector.servers(context.partly);
  if (outcome === undefined) return signal(context, ids, servers);
  const canceled = await context.each(ids, async (id) => {
    const own = queue ?? queueThatRuns(servers, id);
    if (own === undefined) throw new Error(`no server runs task ${id}; if it waits, name its queue with --queue`);
    return { id, queue: own, outcome, reply: await context.inspector.cancel(own, id, { outcome }) };
  });
  const lines = (): string => canceled.map(({ id, reply }) => `${oneLine(id)}: ${TOLD[reply]}`).join('\n');
  if (canceled.length > 0) context.show(canceled, lines);
}

/** As asynq's command does it: the servers are asked, and none answers. */
async function signal(context: Context, ids: readonly string[], servers: readonly ServerInfo[]): Promise<void> {
  const signaled = await context.each(ids, async (id) => {
    const idle = queueThatRuns(servers, id) === undefined ? await whyIdle(context, id) : undefined;
    await context.inspector.cancelTask(id); // only now: afterwards the task may soon be gone
    if (idle !== undefined) context.warn(`nobody runs task ${id}: ${idle}`);
    return id;
  });
  const lines = (): string => signaled.map((id) => `Sent cancelation signal for task ${oneLine(id)}`).join('\n');
  if (signaled.length > 0) context.show({ signaled }, lines);
}

/** Why nobody runs a task. Servers report what they run with a heartbeat, so a task that has just begun may be running nevertheless. */
async function whyIdle(context: Context, id: string): Promise<string | undefined> {
  const names = await context.inspector.queues();
  const looks = await Promise.allSettled(names.map((queue) => context.inspector.taskInfo(queue, id)));
  const found = looks.flatMap((look) => (look.status === 'fulfilled' ? [look.value] : []));
  if (found.some(({ state }) => state === 'active')) return undefined;
  const [waiting] = found;
  if (waiting) return `it is ${waiting.state} in queue ${JSON.stringify(waiting.queue)}`;
  const silent = looks.filter((look) => look.status === 'rejected' && !isNotFound(look.reason));
  if (silent.length > 0) return `of ${names.length} queues ${silent.length} did not answer, and no other has it`;
  return 'no queue has it';
}

function isNotFound(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return code === 'TASK_NOT_FOUND' || code === 'QUEUE_NOT_FOUND';
}

const TOLD = {
  requested: 'its server is asked to abort it',
  archived: 'was not running; archived',
  deleted: 'was not running; deleted',
  unchanged: 'is not running; left as it is',
} as const;

function queueThatRuns(servers: readonly ServerInfo[], id: string): string | undefined {
  return servers.flatMap(({ workers }) => workers).find(({ taskId }) => taskId === id)?.queue;
}
