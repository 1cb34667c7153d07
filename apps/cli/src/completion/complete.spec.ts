import { Client, openBroker, silentLogger } from '@nestjs-asynq/core';
import { beforeAll, expect, it } from 'vitest';
import type { Settings } from '../connection/settings.js';
import { complete } from './complete.js';

const connection = openBroker('memory', {});
let asked: Settings | undefined;

beforeAll(async () => {
  const client = new Client({ connection, logger: silentLogger });
  for (const queue of ['default', 'mail', 'mailing list', 'm:x']) await client.enqueue('email', {}, { queue });
});

/** What a shell is told about a line, with `|` at the cursor, or else at its end. */
async function completed(line: string, shell = 'zsh'): Promise<string[]> {
  asked = undefined;
  const [before = '', behind = ''] = line.split('|');
  let printed = '';
  const io = {
    env: { REDIS: 'redis.example:7000' },
    home: '/home/ada',
    isTty: false,
    nowMs: Date.now,
    stdout: (text: string) => void (printed += text),
    stderr: () => {},
  };
  await complete([shell, before, behind, /[^\s=:"']*$/.exec(before)![0]], io, (settings) => {
    asked = settings;
    return connection;
  });
  return printed.split('\n').slice(0, -1);
}

it.each([
  '-u redis.example:7000 queue pause d',
  '--uri redis.example:7000 queue pause d',
  '--uri=redis.example:7000 queue pause d',
  '-uredis.example:7000 queue pause d',
  '-u=redis.example:7000 queue pause d',
  'queue -u redis.example:7000 pause d',
  'queue pause -u redis.example:7000 d',
  'queue pause d| -u redis.example:7000',
  'queue pause d|efau --uri=redis.example:7000',
  '--json --uri redis.example:7000 queue pause d',
  '--json=false --uri redis.example:7000 queue pause d',
  '--json false --uri redis.example:7000 queue pause d',
  "-u 'redis.example:7000' queue pause d",
  '-u "redis.example:7000" queue pause d',
  '-u $REDIS queue pause d',
  '-u "${REDIS}" queue pause d',
  '-u redis.example:7000 queue pause -- d',
  '-u redis.example:7000 queue pause mail d',
  '-u redis.example:7000 queue remove --force d',
  '-u redis.example:7000 queue rm -f --yes d',
  '-u redis.example:7000 cron pause d',
  '-u redis.example:7000 doctor d',
  '-u redis.example:7000 doctor --sample 0s d',
  '-u redis.example:7000 task ls -q d',
  '-u redis.example:7000 task find -q mail -q d',
  '-u redis.example:7000 task ls -q d| -s pending',
  '-s pending -u redis.example:7000 task ls -q d',
  'task move -u redis.example:7000 -q mail --to d',
])('finds the Redis of "%s"', async (line) => {
  expect(await completed(`asynq ${line}`)).toEqual(['default']);
  expect(asked).toMatchObject({ uri: 'redis.example:7000' });
});

it.each([
  ['-n 3 -p "se cret" -U ada', { db: 3, password: 'se cret', username: 'ada' }],
  ['-n3 -pse\\ cret', { db: 3, password: 'se cret' }],
  ['--cluster -u redis.example:7000', { cluster: true, uri: 'redis.example:7000' }],
  ['--cluster_addrs=one:7000,two:7000', { cluster: true, cluster_addrs: 'one:7000,two:7000' }],
  ['--sentinel_addrs one:26379 --master_name main', { sentinel_addrs: 'one:26379', master_name: 'main' }],
  ['--tls --insecure', { tls: true, insecure: true }],
])('connects as "%s" says', async (flags, settings) => {
  expect(await completed(`asynq ${flags} queue pause d`)).toEqual(['default']);
  expect(asked).toMatchObject(settings);
});

it.each([
  ['asynq q', ['queue:Manage queues']],
  ['asynq -u here:1 -n 3 q', ['queue:Manage queues']],
  ['asynq -u queue q', ['queue:Manage queues']],
  ['asynq queue p', ['pause:Pause queues']],
  ['asynq task ls --sta', ['--state:State of the tasks']],
  ['asynq -u here:1 task ls --sta', ['--state:State of the tasks']],
  ['asynq task ls -s pending --sta', []],
  ['asynq task find -s pending --sta', [expect.stringMatching(/^--state:/)]],
  ['asynq stats --ur', [expect.stringMatching(String.raw`^--uri:Redis\: host`)]],
  ['asynq task ls --sta| --state pending', []],
  ['asynq task ls --state re', ['retry']],
  ['asynq task ls --state=re', ['--state=retry']],
  ['asynq task ls -sre', ['-sretry']],
  ['asynq task cancel --then re', ['retry']],
  ['asynq --json=t', ['--json=true']],
  ['asynq completion z', ['zsh']],
  ['asynq task ls --size ', []],
  ['asynq stats --config d', []],
  ['asynq task ls --queue=d', ['--queue=default']],
  ['asynq task ls -qd', ['-qdefault']],
  ['asynq task inspect -i d', []],
  ['asynq task find --to d', []],
  ['asynq queue pause mail m', [String.raw`m\:x`, 'mailing list']],
  ['asynq queue pause m', [String.raw`m\:x`, 'mail', 'mailing list']],
  ['asynq queue pause -- --sta', []],
  ['asynq queue pause d|x', ['default']],
  ['asynq no-command ', []],
])('offers for "%s": %j', async (line, offers) => {
  expect(await completed(line)).toEqual(offers);
});

it('offers flags where nothing else can stand', async () => {
  expect(await completed('asynq task ls ', 'bash')).toContain('--state');
  expect(await completed('asynq task ls -', 'bash')).toContain('-s');
  expect(await completed('asynq task ls --', 'bash')).not.toContain('-s');
});

it.each([
  ['asynq task ls --queue=m:', ['x']],
  ['asynq task ls --queue=d', ['default']],
  ['asynq task ls -q mailing', [String.raw`mailing\ list`]],
  ['asynq task ls -q "mailing', ['mailing list']],
  ["asynq task ls --queue='mailing", ['mailing list']],
])('prints for bash what replaces the end of "%s": %j', async (line, offers) => {
  expect(await completed(line, 'bash')).toEqual(offers);
});

it('adds what commands and flags do in fish', async () => {
  expect(await completed('asynq queue p', 'fish')).toEqual(['pause\tPause queues']);
});
