import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { AsynqModule, Payload, TaskHandler } from 'nestjs-asynq';
import { clusterAddresses } from './cluster-addresses.js';
import { startApp } from './start-app.js';
import type { EmailNotification, ImageResize, WebhookSync } from './tasks.js';

@Injectable()
class TaskHandlers {
  @TaskHandler('notifications:email')
  sendEmail(@Payload() { to, from }: EmailNotification): void {
    console.log(`notifications:email: send an email from ${from} to ${to}`);
  }

  @TaskHandler('webhooks:sync')
  syncWebhook(@Payload() { data }: WebhookSync): void {
    console.log(`webhooks:sync: pass on ${data}`);
  }

  @TaskHandler('images:resize')
  resizeImage(@Payload() { src }: ImageResize): void {
    console.log(`images:resize: resize ${src}`);
  }
}

@Module({
  imports: [
    AsynqModule.forRoot({
      connection: { cluster: clusterAddresses() },
      worker: true,
      concurrency: 20,
      // Equal weights: under load each queue gets a third of the slots.
      queues: { notifications: 1, webhooks: 1, images: 1 },
    }),
  ],
  providers: [TaskHandlers],
})
class WorkerModule {}

await startApp(WorkerModule);
console.log('waiting for tasks');
