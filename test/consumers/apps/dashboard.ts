// The dashboard in a user's app, on both frameworks: see packages.e2e-spec.ts.
import 'reflect-metadata';
import { type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { AsynqDashboardModule } from '@nestjs-asynq/dashboard';
import { AsynqModule } from 'nestjs-asynq';

@Module({
  imports: [AsynqDashboardModule.forRoot({ access: () => 'admin' }), AsynqModule.forRoot({ connection: 'memory' })],
})
class AppModule {}

const WRITE = { method: 'POST', headers: { 'content-type': 'application/json', 'x-asynq': '1' } };

async function visit(app: INestApplication): Promise<void> {
  await app.listen(0, '127.0.0.1');
  const origin = await app.getUrl();
  const status = async (path: string): Promise<number> => (await fetch(origin + path, { redirect: 'manual' })).status;
  const page = await (await fetch(`${origin}/monitoring`)).text();
  const [script = ''] = /assets\/[\w-]+\.js/.exec(page) ?? [];
  const paused = await fetch(`${origin}/monitoring/api/queue/pause`, { ...WRITE, body: '{"queue":"default"}' });
  console.log(
    ...[await status('/monitoring'), await status('/monitoring/'), await status('/monitoring/queue')],
    ...[await status(`/monitoring/${script}`), await status('/monitoring/nothing'), await paused.text()],
  );
  await app.close();
}

async function main(): Promise<void> {
  await visit(await NestFactory.create(AppModule, { logger: ['error', 'warn'] }));
  await visit(await NestFactory.create(AppModule, new FastifyAdapter(), { logger: ['error', 'warn'] }));
}

void main();
