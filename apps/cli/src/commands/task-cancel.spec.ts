import { Client, openBroker, RedisCommandError, silentLogger } from '@nestjs-asynq/core';
import { expect, it } from 'vitest';
import { runLine } from '../run-line.fixture.js';

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

  const { stderr } = await runLine(broker, 'task cancel far near');

  expect(stderr).toContain('nobody runs task far: of 2 queues 1 did not answer, and no other has it');
  expect(stderr).toContain('nobody runs task near: it is pending in queue "here"');
});
