import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Injectable, type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AsynqModule, PeriodicTask, SkipRetry, TaskDistributor, TaskHandler, TaskInspector } from 'nestjs-asynq';
import { AsynqMetricsModule } from 'nestjs-asynq/metrics';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { hasPrometheus, Prometheus, promtool } from '../support/prometheus.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';

const FOLDER = join(import.meta.dirname, '../../docs/observe');
const inFolder = (name: string): string => join(FOLDER, name);

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly { readonly expr: string }[];
}

const dashboard = JSON.parse(readFileSync(inFolder('grafana.json'), 'utf8')) as {
  readonly id?: number;
  readonly uid: string;
  readonly panels: readonly Panel[];
};
const panels = dashboard.panels.filter(({ type }) => type !== 'row');

const alerts = (
  parse(readFileSync(inFolder('alerts.yml'), 'utf8')) as {
    groups: { rules: { alert: string; expr: string; annotations: Record<string, string> }[] }[];
  }
).groups.flatMap(({ rules }) => rules);

/** As Grafana asks with all jobs and queues chosen. */
const asAsked = (expression: string): string =>
  expression.replaceAll('$__rate_interval', '1m').replaceAll('$job', '.*').replaceAll('$queue', '.*');

describe('the dashboard for Grafana', () => {
  it('can be imported anywhere: it names no data source, and each panel tells what it shows', () => {
    expect([dashboard.id, dashboard.uid]).toEqual([undefined, 'nestjs-asynq']);
    expect(new Set(panels.map(({ datasource }) => datasource?.uid))).toEqual(new Set(['${datasource}']));
    expect(panels.filter(({ description }) => !description)).toEqual([]);
  });
});

describe('the alerts', () => {
  it('each have a section in the guide, a summary and a description', () => {
    const guide = readFileSync(join(FOLDER, '../guide/observe.md'), 'utf8');

    expect(alerts.length).toBeGreaterThan(10);
    expect(alerts.filter(({ alert }) => !guide.includes(`\n### ${alert}\n`))).toEqual([]);
    for (const { alert, annotations } of alerts) {
      expect(annotations).toMatchObject({
        summary: expect.any(String),
        description: expect.any(String),
        runbook_url: expect.stringContaining(`#${alert.toLowerCase()}`),
        dashboard: expect.any(String),
      });
    }
  });

  it('each have a test', () => {
    const tests = readFileSync(inFolder('alerts.test.yml'), 'utf8');

    expect(alerts.filter(({ alert }) => !tests.includes(alert))).toEqual([]);
  });

  it.skipIf(!hasPrometheus)('fire for their reasons', () => {
    expect(promtool(['check', 'rules', inFolder('alerts.yml')])).toMatchObject({ isFine: true });
    expect(promtool(['test', 'rules', inFolder('alerts.test.yml')])).toMatchObject({ isFine: true });
  });
});

/** Tasks that succeed, fail, are given up and are periodic. */
@Injectable()
@PeriodicTask('@every 1s', 'mail:send', {}, { name: 'often' })
class Tasks {
  @TaskHandler('mail:send')
  send(): void {}

  @TaskHandler('mail:fail')
  fail(): void {
    throw new Error('no such mailbox');
  }

  @TaskHandler('mail:skip')
  skip(): void {
    throw new SkipRetry('no such mailbox');
  }

  @TaskHandler('mail:hang')
  async hang(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 60_000).unref());
  }
}

describe.skipIf(!hasPrometheus)('a Prometheus that scrapes an app', () => {
  let redis: RedisServer;
  let app: INestApplication;
  let prometheus: Prometheus;
  let feeding: NodeJS.Timeout;

  beforeAll(async () => {
    redis = await startRedis();
    @Module({
      imports: [
        AsynqMetricsModule.forRoot({
          path: '/metrics',
          registry: new Registry(),
          queues: { memory: true, cacheFor: 0 },
        }),
        AsynqModule.forRoot({
          connection: { url: redis.url },
          queues: { default: 1, mail: 3 },
          concurrency: 3,
          shutdownTimeout: '1ms',
        }),
      ],
      providers: [Tasks],
    })
    class AppModule {}
    app = await NestFactory.create(AppModule, { logger: false });
    await app.listen(0, '127.0.0.1');
    const tasks = app.get(TaskDistributor);
    const feed = (): void => {
      for (const type of ['mail:send', 'mail:fail', 'mail:skip']) void tasks.enqueue(type, {}, { queue: 'mail' });
    };
    feeding = setInterval(feed, 200);
    await tasks.enqueue('mail:hang');
    await tasks.enqueue('mail:send', {}, { queue: 'unserved' });
    await app.get(TaskInspector).pauseQueue('unserved');
    prometheus = await Prometheus.start({ app: new URL(await app.getUrl()).host });
  });

  afterAll(async () => {
    clearInterval(feeding);
    await prometheus?.[Symbol.asyncDispose]();
    await app?.close();
    await redis?.stop();
  });

  it('gets metrics that promtool accepts, but for the two names of asynq', async () => {
    const metrics = await (await fetch(`${await app.getUrl()}/metrics`)).text();

    const { output } = promtool(['check', 'metrics'], metrics);

    expect(output.split('\n').toSorted()).toEqual([
      'asynq_queue_paused_total non-counter metrics should not have "_total" suffix',
      'asynq_tasks_enqueued_total non-counter metrics should not have "_total" suffix',
    ]);
  });

  it('answers each expression of the dashboard with data', async () => {
    const expressions = panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({ title, query: asAsked(expr) })),
    );
    const silent = async (): Promise<string[]> => {
      const answers = await Promise.all(
        expressions.map(async ({ title, query }) => ({ title, samples: await prometheus.query(query) })),
      );
      return answers.filter(({ samples }) => samples.length === 0).map(({ title }) => title);
    };

    expect(expressions.length).toBeGreaterThan(30);
    await expect.poll(silent).toEqual([]);
  });

  it('understands each alert, and finds the reasons of those that are there', async () => {
    const found = async (): Promise<string[]> => {
      const answers = await Promise.all(
        alerts.map(async ({ alert, expr }) => ({ alert, samples: await prometheus.query(expr) })),
      );
      return answers.filter(({ samples }) => samples.length > 0).map(({ alert }) => alert);
    };

    await expect
      .poll(found)
      .toEqual(['AsynqQueueWithoutServers', 'AsynqErrorRateHigh', 'AsynqTasksArchived', 'AsynqQueuePausedLong']);
  });
});
