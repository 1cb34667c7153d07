import { setTimeout as delay } from 'node:timers/promises';
import type { QueueInfo, TaskInfo } from '@nestjs-asynq/core';
import type { Context } from '../context.js';
import { type Finding, inOrder } from '../doctor/finding.js';
import { Fleet, type QueueFlow } from '../doctor/queue-flow.js';
import { queueFindings } from '../doctor/queue-findings.js';
import { fleetFindings, redisFindings } from '../doctor/redis-findings.js';
import { oneLine } from '../output/cells.js';
import { parseGoDuration } from '../output/go-duration.js';
import { type Cli, queueName, type Run } from './command.js';

/** Exit status when somebody is needed now. */
const ALARM = 4;
const HOUR_MS = 3_600_000;
/** Tasks that are read to see what they have in common. */
const SAMPLE = 200;
/** Queues that are looked into at a time. */
const AT_ONCE = 20;

interface DoctorFlags {
  readonly queue: string | undefined;
  readonly sample: string;
}

export function doctorCommand(cli: Cli, run: Run): Cli {
  return cli.command(
    'doctor [queue]',
    'Say what is wrong with queues, servers and Redis, and what to do',
    (command) =>
      command.positional('queue', queueName('Only this queue; default: all')).option('sample', {
        type: 'string',
        default: '2s',
        describe: 'How long to measure throughput; 0 for not at all',
      }),
    run(doctor),
  );
}

async function doctor(context: Context, { queue, sample }: DoctorFlags): Promise<void> {
  const sampleMs = parseGoDuration('sample', sample);
  const { inspector } = context;
  const names = queue === undefined ? await inspector.queues() : [queue];
  const infos = await readInfos(context, names);
  const rates = await measureRates(context, infos, sampleMs);
  const servers = await inspector.servers(context.partly);
  const fleet = new Fleet(servers);
  const nowMs = context.io.nowMs();
  const nodes = await inspector.redisNodes({ commands: true });
  const found: Finding[] = [
    ...nodes.flatMap((node) => redisFindings(node, nowMs)),
    ...fleetFindings(servers, nowMs),
    ...(await inParts(infos, (info) => examine(context, info, fleet.flowOf(info.queue), rates.get(info.queue)))).flat(),
  ];
  const findings = inOrder(found);
  context.show({ queues: infos.map((info) => info.queue), findings }, () => report(context, names.length, findings));
  if (findings.some(({ severity }) => severity === 'high')) context.endWith(ALARM);
}

function report(context: Context, count: number, findings: readonly Finding[]): string {
  if (findings.length === 0) return `Nothing is wrong with ${count === 1 ? 'the queue' : `${count} queues`}.`;
  const paragraphs = findings.map(({ severity, queue, problem, advice }) => {
    const place = queue === undefined ? '' : `Queue ${JSON.stringify(queue)}: `;
    return `${context.title(severity.toUpperCase())}  ${oneLine(place + problem)}\n      ${oneLine(advice)}`;
  });
  return paragraphs.join('\n');
}

async function readInfos(context: Context, names: readonly string[]): Promise<QueueInfo[]> {
  const infos: QueueInfo[] = [];
  for (let at = 0; at < names.length; at += 10 * AT_ONCE) {
    infos.push(
      ...(await context.readEach(names.slice(at, at + 10 * AT_ONCE), (name) => context.inspector.queueInfo(name))),
    );
  }
  return infos;
}

type Rates = { readonly processedPerS: number; readonly growthPerS: number };

/** Two readings, apart by the sample's length. */
async function measureRates(
  context: Context,
  before: readonly QueueInfo[],
  sampleMs: number,
): Promise<ReadonlyMap<string, Rates>> {
  // Nothing moves in queues that are empty.
  const busy = before.filter(({ pending, active }) => pending + active > 0);
  if (sampleMs === 0 || busy.length === 0) return new Map();
  const beganMs = performance.now();
  await delay(sampleMs);
  const after = await readInfos(
    context,
    busy.map(({ queue }) => queue),
  );
  const seconds = (performance.now() - beganMs) / 1_000;
  const first = new Map(busy.map((info) => [info.queue, info]));
  return new Map(
    after.map((info): [string, Rates] => {
      const { processedTotal, pending } = first.get(info.queue)!;
      const processedPerS = Math.max(0, info.processedTotal - processedTotal) / seconds;
      return [info.queue, { processedPerS, growthPerS: (info.pending - pending) / seconds }];
    }),
  );
}

async function examine(
  context: Context,
  info: QueueInfo,
  flow: QueueFlow,
  rates: Rates | undefined,
): Promise<Finding[]> {
  const { inspector } = context;
  const { queue } = info;
  const nowMs = context.io.nowMs();
  const found = async (state: 'archived' | 'retry', search: object): Promise<readonly TaskInfo[]> =>
    info[state] === 0 ? [] : (await inspector.findTasks({ queue, state, limit: SAMPLE, ...search })).tasks;
  const unknown = { errorContains: 'handler not found for task' };
  try {
    const [active, archivedLately, inRetry, inArchive] = await Promise.all([
      info.active === 0 ? [] : inspector.listTasks(queue, 'active', { size: SAMPLE }),
      found('archived', { from: new Date(nowMs - HOUR_MS) }),
      found('retry', unknown),
      found('archived', unknown),
    ]);
    const orphans = active.filter(({ isOrphaned }) => isOrphaned).length;
    const unknownTypes = [...inRetry, ...inArchive];
    return queueFindings({ info, flow, nowMs, rates, orphans, archivedLately, unknownTypes });
  } catch (error) {
    context.fail(error); // the others are examined
    return [];
  }
}

/** Some at a time, so that their replies are not all in memory. */
async function inParts<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(work))));
  }
  return results;
}
