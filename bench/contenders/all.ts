import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tools } from '../tools.js';
import type { Contender } from './contender.js';
import { OBSERVING } from './observing.js';

/** All contenders that can run on this machine. */
export function findContenders({ root, external, asynq, postgres }: Tools): Contender[] {
  const ours = (file: string, ...args: string[]): string[] => [
    process.execPath,
    join(root, 'bench/dist/bench', file),
    ...args,
  ];
  const theirs = (file: string): string[] => [process.execPath, join(external, 'dist/external', file)];
  const installed = (name: string): string => versionIn(join(external, 'node_modules', name, 'package.json'));
  const own = versionIn(join(root, 'libs/core/package.json'));

  const all: (Contender | false)[] = [
    {
      id: 'ours',
      team: 'ours',
      title: `nestjs-asynq ${own}`,
      settings: 'defaults',
      store: 'redis',
      command: ours('ours/program.js'),
      hasBatches: true,
    },
    {
      id: 'ours-nest',
      team: 'ours',
      title: `nestjs-asynq ${own} in Nest`,
      settings: 'the DTO is validated by a global `ValidationPipe` with `whitelist` and `transform`',
      store: 'redis',
      command: ours('ours/nest-program.js'),
      hasBatches: true,
    },
    ...OBSERVING.map(({ id, title, settings }): Contender => ({
      id,
      team: 'ours',
      title: `nestjs-asynq ${own} ${title}`,
      settings,
      store: 'redis',
      command: ours('ours/observing-program.js', id),
      hasBatches: true,
    })),
    {
      id: 'bullmq',
      team: 'bullmq',
      title: `BullMQ ${installed('bullmq')}`,
      settings:
        'on ioredis, one connection shared by all queues; `removeOnComplete: true`, as ours deletes finished tasks; 26 attempts, as ours has 25 retries; weights are the shares of the concurrency of one worker per queue',
      store: 'redis',
      command: theirs('bullmq.js'),
      hasBatches: true,
    },
    {
      id: 'bullmq-nest',
      team: 'bullmq',
      title: `@nestjs/bullmq ${installed('@nestjs/bullmq')}`,
      settings: 'BullMQ as above; the processor validates the same DTO with class-validator, with `whitelist`',
      store: 'redis',
      command: theirs('nest-bullmq.js'),
      hasBatches: true,
    },
    asynq !== undefined && {
      id: 'asynq',
      team: 'asynq',
      title: `asynq ${asynq.version}, one server`,
      settings: 'defaults; it has no batch call: where the others use batches, it uses 100 lanes',
      store: 'redis',
      command: [asynq.binary],
      hasBatches: false,
    },
    asynq !== undefined && {
      id: 'asynq-4',
      team: 'asynq',
      title: `asynq ${asynq.version}, four servers in the process`,
      settings: 'as above; each server has a quarter of the concurrency',
      store: 'redis',
      command: [asynq.binary, '-servers', '4'],
      hasBatches: false,
    },
    postgres !== undefined && {
      id: 'graphile',
      team: 'graphile',
      title: `graphile-worker ${installed('graphile-worker')}`,
      settings:
        'a local queue of 500 jobs, or one more than the concurrency; outcomes of one turn are written together; up to 20 connections; successes are not logged; PostgreSQL with `fsync` and `synchronous_commit` off and 512 MB of `shared_buffers`',
      store: 'postgres',
      command: theirs('graphile.js'),
      hasBatches: true,
    },
    {
      id: 'bare-commands',
      team: 'limit',
      title: 'Redis commands without a queue',
      settings: 'the commands of a task in pipelines of 100 tasks; nothing is atomic, checked or kept alive',
      store: 'redis',
      command: ours('bare/program.js'),
      hasBatches: true,
    },
  ];
  return all.filter((contender) => contender !== false);
}

function versionIn(file: string): string {
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
