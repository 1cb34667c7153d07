import { Counter, Registry } from 'prom-client';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { silentLogger } from '../runtime/logger.js';
import { type MetricsServer, startMetricsServer } from './metrics-server.js';

const registry = new Registry();
new Counter({ name: 'things_total', help: 'Things.', registers: [registry] }).inc(3);
const error = vi.fn<(message: string) => void>();
let server: MetricsServer;

beforeEach(async () => {
  server = await startMetricsServer({ registry, port: 0, host: '127.0.0.1', logger: { ...silentLogger, error } });
});

afterEach(() => server.close());

it('serves the registry at /metrics, and nothing else', async () => {
  const metrics = await fetch(server.url);
  const others = await Promise.all([
    fetch(server.url.replace('/metrics', '/')),
    fetch(server.url, { method: 'POST' }),
    fetch(`${server.url}?name[]=things_total`),
    fetch(server.url, { method: 'HEAD' }),
  ]);

  expect([metrics.status, await metrics.text()]).toEqual([
    200,
    '# HELP things_total Things.\n# TYPE things_total counter\nthings_total 3\n',
  ]);
  expect(metrics.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(others.map(({ status }) => status)).toEqual([404, 405, 200, 200]);
});

it('answers 500 when the metrics cannot be read, and logs why', async () => {
  const failure = new Error('broken');
  vi.spyOn(registry, 'metrics').mockRejectedValueOnce(failure);

  const { status } = await fetch(server.url);

  expect(status).toBe(500);
  expect(error).toHaveBeenCalledExactlyOnceWith('the metrics could not be read', { error: failure });
});

it('reports a port that is taken', async () => {
  const port = Number(new URL(server.url).port);

  await expect(startMetricsServer({ registry, port, host: '127.0.0.1' })).rejects.toThrow('EADDRINUSE');
});

it('refuses invalid options', async () => {
  await expect(startMetricsServer({ registry, port: 70_000 })).rejects.toThrow('"port"');
});
