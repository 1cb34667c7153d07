import { Controller, Get, Inject, Res, type Type, UseGuards, VERSION_NEUTRAL } from '@nestjs/common';
import { MetricsHost } from './metrics-host.js';
import type { MetricsMountSettings } from './metrics.options.js';

/** What is used of a response of Express and a reply of Fastify. */
interface Reply {
  header(name: string, value: string): unknown;
  send(body: string): unknown;
}

/**
 * The controller of the path. Its class is made here, as the path and the guards are options. The answer is sent by ourselves:
 * interceptors of the app run, and do not change it.
 */
export function makeController(path: string, guards: MetricsMountSettings['guards']): Type {
  class MetricsController {
    constructor(readonly host: MetricsHost) {}

    async metrics(reply: Reply): Promise<void> {
      const { text, contentType } = await this.host.scrape();
      reply.header('content-type', contentType);
      reply.header('cache-control', 'no-store');
      reply.send(text);
    }
  }
  Controller({ path, version: VERSION_NEUTRAL })(MetricsController);
  if (guards.length > 0) UseGuards(...guards)(MetricsController);
  Inject(MetricsHost)(MetricsController, undefined, 0);
  Res()(MetricsController.prototype, 'metrics', 0);
  Get()(
    MetricsController.prototype,
    'metrics',
    Object.getOwnPropertyDescriptor(MetricsController.prototype, 'metrics')!,
  );
  return MetricsController;
}
