import { Client, openBroker, RedisCommandError, silentLogger } from '@nestjs-asynq/core';
import { expect, it } from 'vitest';
import { runCli } from '../program.js';

it('does not say that no queue has a task while one does not answer', async () => {
  const broker = openBroker('memory');
  const client = new Client({ connection: broker, logger: silentLogger });
  await client.enqueue('email', {}, { taskId: 'far', queue: 'away' });
  await client.enqueue('email', {}, { taskId: 'near', queue: 'here' });
  const findTask = broker.findTask.bind(broker);
  broker.findTask = async (queue, id) => {
    if (queue === 'away') throw new RedisCommandError('HMGET', true, { cause: new Error('connect ECONNREFUSED') });
    return findTask(queue, id);
  };
  let printed = '';
  const write = (text: string): void => void (printed += text);
  const io = { env: {}, home: '/nowhere', isTty: false, nowMs: () => Date.now(), stdout: write, stderr: write };

  await runCli(['task', 'cancel', 'far', 'near'], io, () => broker);

  expect(printed).toContain('nobody runs task far: of 2 queues 1 did not answer, and no other has it');
  expect(printed).toContain('nobody runs task near: it is pending in queue "here"');
});
