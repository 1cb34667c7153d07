import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { AsynqModule, TaskDistributor } from 'nestjs-asynq';
import { clusterAddresses } from './cluster-addresses.js';
import { startApp } from './start-app.js';

@Module({
  imports: [
    // The worker may start later.
    AsynqModule.forRoot({ connection: { cluster: clusterAddresses() }, worker: false, unknownQueues: 'allow' }),
  ],
})
class ClientModule {}

const app = await startApp(ClientModule);
const tasks = app.get(TaskDistributor);

const enqueued = [
  await tasks.enqueue('notifications:email', { to: 123, from: 456 }, { queue: 'notifications' }),
  await tasks.enqueue('webhooks:sync', { data: 123 }, { queue: 'webhooks' }),
  await tasks.enqueue('images:resize', { src: 'some/path/to/image' }, { queue: 'images' }),
];
for (const { type, queue, id } of enqueued) console.log(`enqueued ${type} into the queue ${queue}, id ${id}`);

await app.close();
