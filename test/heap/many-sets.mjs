/** Aggregates 1,000 sets of 100 tasks of 2 kB each. A test runs it with a heap that holds only a few sets. */
import { Client, openBroker, ServeMux, Server } from '@nestjs-asynq/core';

const SETS = 1_000;
const broker = openBroker('memory');
let onSucceeded = () => undefined;
const server = new Server({
  connection: broker,
  onEvent: ({ kind }) => kind === 'succeeded' && onSucceeded(),
  groupAggregator: { maxSize: 100, aggregate: (_group, tasks) => ({ type: 'sum', payload: { count: tasks.length } }) },
});
await server.start(new ServeMux().handle('sum', () => undefined));
const client = new Client({ connection: broker });
for (let set = 0; set < SETS; set++) {
  const ended = new Promise((resolve) => (onSucceeded = resolve));
  const options = { group: `group-${set}` };
  await client.enqueueMany(Array.from({ length: 100 }, () => ({ type: 'part', payload: 'x'.repeat(2_000), options })));
  await ended;
}
await server.shutdown();
console.log(`${SETS} sets`);
