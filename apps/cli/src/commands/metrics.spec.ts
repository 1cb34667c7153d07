import { Client, openBroker, silentLogger } from '@nestjs-asynq/core';
import { expect, it } from 'vitest';
import type { Settings } from '../connection/settings.js';
import { runCli } from '../program.js';
import { exporterEnvironment } from './metrics.js';

/** Runs the exporter until it has answered a scrape; `line` adds to its flags. */
async function scrape(
  line: string,
  env: NodeJS.ProcessEnv = {},
): Promise<{ text: string; settings: Settings; status: number }> {
  const connection = openBroker('memory');
  const client = new Client({ connection, logger: silentLogger });
  await client.enqueue('email', {}, { queue: 'mail' });
  let settings: Settings = {};
  let listening: (url: string) => void = () => undefined;
  const url = new Promise<string>((resolve) => (listening = resolve));
  const io = {
    env,
    home: '/nowhere',
    isTty: false,
    nowMs: () => Date.now(),
    stdout: (text: string) => listening((JSON.parse(text) as { url: string }).url),
    stderr: () => undefined,
  };
  const flags = ['metrics', '--json', '--host', '127.0.0.1', ...line.split(' ').filter(Boolean)];
  const ended = runCli(flags, io, (given) => {
    settings = given;
    return connection;
  });
  const text = await (await fetch(await url)).text();
  process.emit('SIGINT', 'SIGINT');
  const status = await ended;
  await client.close();
  await connection.close();
  return { text, settings, status };
}

it('serves the queues and the process until Ctrl-C', async () => {
  const { text, status } = await scrape('--port 0');

  expect(status).toBe(0);
  expect(text).toContain('asynq_queue_size{queue="mail"} 1');
  expect(text).toContain('process_cpu_seconds_total');
});

it("takes the flags of asynq's exporter", async () => {
  const { settings } = await scrape(
    '--port 0 --redis-addr redis:1 --redis-db 3 --redis-username ada --redis-password pw',
  );

  expect(settings).toMatchObject({ uri: 'redis:1', db: 3, username: 'ada', password: 'pw' });
});

it('takes variables, after the flags', async () => {
  const env = { PORT: '0', REDIS_ADDR: 'redis:1', REDIS_DB: '3', REDIS_USERNAME: 'ada', REDIS_PASSWORD: 'pw' };
  const { settings } = await scrape('--redis-db 4', env);

  expect(settings).toMatchObject({ uri: 'redis:1', db: 4, username: 'ada', password: 'pw' });
});

it('prefers the variables of asynq itself', () => {
  expect(exporterEnvironment({ REDIS_ADDR: 'a:1', REDIS_URL: 'redis://b:2', URI: 'c:3' })).toMatchObject({
    URI: 'c:3',
  });
  expect(exporterEnvironment({ REDIS_ADDR: 'a:1', REDIS_URL: 'redis://b:2' })).toMatchObject({ URI: 'redis://b:2' });
});
