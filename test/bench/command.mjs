// CPU and memory of the `asynq` command, for one or several builds of it.
//
//   redis-server --port 7999 --save '' &
//   npm run build && node test/bench/command.mjs redis://127.0.0.1:7999 apps/cli/dist/main.js [other/dist/main.js ...]
//
// The database is flushed first. Each command runs several times; the median counts.
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { Client } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';

const TASKS = 1_000_000;
const QUEUES = 5_000;
const RUNS = 5;
const CHUNK = 5_000;
const REPORT = 'usage of the process: ';
/** Printed when the command ends. */
const USAGE = `process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  process.stderr.write(${JSON.stringify(REPORT)} + JSON.stringify({ cpuMs: (userCPUTime + systemCPUTime) / 1000, rssMb: maxRSS / 1024 }) + '\\n');
});`;

const [url, ...builds] = process.argv.slice(2);
if (!url || builds.length === 0)
  throw new Error('usage: node test/bench/command.mjs redis://host:port main.js [main.js ...]');
const redis = new Redis(url);

await redis.flushdb();
measure('version', ['version']);
measure('completion', ['--complete', 'bash', 'asynq task ']);
await fill((n) => ({ payload: { n, text: 'x'.repeat(100) }, options: { queue: 'list', processIn: '1h' } }), 10_000);
measure('queue ls', ['queue', 'ls']);
measure('task ls --size 10000 --json', ['task', 'ls', '-q', 'list', '-s', 'scheduled', '--size', '10000', '--json']);
await fill((n) => ({ payload: {}, options: { queue: `queue-${n}` } }), QUEUES);
measure(`stats, ${QUEUES} queues`, ['stats']);
measure(`stats --json, ${QUEUES} queues`, ['stats', '--json']);
await redis.flushdb();
await fill((n) => ({ payload: { member: n, text: 'x'.repeat(50) }, options: { queue: 'find' } }), TASKS);
const find = [
  'task',
  'find',
  '-q',
  'find',
  '-s',
  'pending',
  '--payload_contains',
  '"member":777777,',
  '--scan_budget',
  String(2 * TASKS),
];
await measureWithRedis(`task find, ${TASKS} tasks`, find);
await redis.flushdb();
redis.disconnect();

async function fill(taskOf, count) {
  const client = new Client({ connection: { url } });
  for (let from = 0; from < count; from += CHUNK) {
    const size = Math.min(CHUNK, count - from);
    await client.enqueueMany(Array.from({ length: size }, (_, n) => ({ type: 'bench', ...taskOf(from + n) })));
  }
  await client.close();
}

function run(main, args) {
  const preload = `data:text/javascript,${encodeURIComponent(USAGE)}`;
  const all = ['--import', preload, main, ...(args[0] === 'version' ? [] : ['-u', url]), ...args];
  const words = args[0] === '--complete' ? ['--import', preload, main, ...args] : all;
  const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8', maxBuffer: 2 ** 30 });
  const line = stderr.split('\n').find((text) => text.startsWith(REPORT));
  if (status !== 0 || !line) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`);
  return JSON.parse(line.slice(REPORT.length));
}

function measure(name, args, runs = RUNS) {
  for (const main of builds) {
    const usages = Array.from({ length: runs }, () => run(main, args));
    const median = (figure) => usages.map((usage) => usage[figure]).sort((a, b) => a - b)[Math.floor(runs / 2)];
    console.log(
      `${name}: ${(median('cpuMs') / 1000).toFixed(2)} s of CPU, ${Math.round(median('rssMb'))} MB (${main})`,
    );
  }
}

async function measureWithRedis(name, args) {
  for (const main of builds) {
    const before = await redisCpuS();
    const { cpuMs, rssMb } = run(main, args);
    const ofRedis = (await redisCpuS()) - before;
    console.log(
      `${name}: ${(cpuMs / 1000).toFixed(2)} s of CPU, ${Math.round(rssMb)} MB, Redis ${ofRedis.toFixed(2)} s (${main})`,
    );
  }
}

async function redisCpuS() {
  const info = await redis.info('cpu');
  const figure = (name) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)[1]);
  return figure('used_cpu_user') + figure('used_cpu_sys');
}
