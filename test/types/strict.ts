// Compiled, never run: an app that lists its task types and its queues, and allows no others.
import { Ctx, Payload, PeriodicTask, TaskContext, type TaskDistributor, TaskHandler } from 'nestjs-asynq';

class Welcome {
  to!: string;
}

declare module 'nestjs-asynq' {
  interface TaskTyping {
    strict: true;
  }
  interface TaskPayloads {
    'email:welcome': Welcome;
    'report:daily': undefined;
  }
  interface TaskResults {
    'email:welcome': { messageId: string };
  }
  interface TaskQueues {
    critical: true;
    default: true;
  }
}

export class EmailTasks {
  @TaskHandler('email:welcome')
  welcome(@Payload() { to }: Welcome, @Ctx() task: TaskContext): { messageId: string } {
    return { messageId: `${task.id} ${to}` };
  }

  // @ts-expect-error no such task type
  @TaskHandler('email:wellcome')
  misspelled(): void {}

  // @ts-expect-error another payload
  @TaskHandler('email:welcome')
  other(@Payload() _payload: { readonly name: symbol }): void {}
}

// @ts-expect-error no such task type
@PeriodicTask('@daily', 'report:dayly')
export class Reports {}

export async function enqueue(tasks: TaskDistributor, addresses: string[]): Promise<string> {
  await tasks.enqueue('report:daily', undefined, { queue: 'critical' });
  // @ts-expect-error no such queue
  await tasks.enqueue('report:daily', undefined, { queue: 'mails' });
  // @ts-expect-error no such task type
  await tasks.enqueue('report:dayly');
  await tasks.enqueueMany(addresses.map((to) => ({ type: 'email:welcome', payload: { to } })));
  await tasks.enqueueMany(
    // @ts-expect-error no such task type
    addresses.map((to) => ({ type: 'email:wellcome', payload: { to } })),
  );
  await tasks.enqueueMany(
    // @ts-expect-error no such queue
    addresses.map((to) => ({ type: 'email:welcome', payload: { to }, options: { queue: 'mails' } })),
  );
  const task = await tasks.enqueue('email:welcome', { to: 'ada@example.org' }, { retention: '1h' });
  const { messageId } = await task.result();
  return messageId;
}
