// Compiled, never run: an app that lists its task types and its queues, and allows no others.
import { type } from 'arktype';
import {
  Ctx,
  Payload,
  type PayloadBySchema,
  PeriodicTask,
  TaskContext,
  type TaskDistributor,
  TaskHandler,
} from 'nestjs-asynq';
import { isoTimestamp, object, pipe, string, toDate } from 'valibot';
import { z } from 'zod';

class Welcome {
  to!: string;
}

const Reminder = z.object({
  at: z.iso.datetime().transform((at) => new Date(at)),
  text: z.string().default('now'),
});
const Visit = object({ at: pipe(string(), isoTimestamp(), toDate()) });
const Hours = type({ hours: 'string.numeric.parse' });

declare module 'nestjs-asynq' {
  interface TaskTyping {
    strict: true;
  }
  interface TaskPayloads {
    'email:welcome': Welcome;
    'report:daily': undefined;
    'reminder:send': PayloadBySchema<typeof Reminder>;
    'visit:plan': PayloadBySchema<typeof Visit>;
    'hours:count': PayloadBySchema<typeof Hours>;
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

export class TasksWithSchemas {
  @TaskHandler('reminder:send')
  remind(@Payload({ schema: Reminder }) { at, text }: z.output<typeof Reminder>): string {
    return `${at.toISOString()} ${text}`;
  }

  // @ts-expect-error the schema makes it a Date
  @TaskHandler('reminder:send')
  unconverted(@Payload({ schema: Reminder }) _reminder: { readonly at: string; readonly text: string }): void {}

  @TaskHandler('visit:plan')
  plan(@Payload({ schema: Visit, property: 'at' }) at: Date): number {
    return at.getTime();
  }

  @TaskHandler('hours:count')
  count(@Payload({ schema: Hours }) payload: { readonly hours: number }): number {
    return payload.hours;
  }
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
  await tasks.enqueue('reminder:send', { at: '2026-12-01T09:00:00Z' });
  await tasks.enqueue('visit:plan', { at: '2026-12-01T09:00:00Z' });
  await tasks.enqueue('hours:count', { hours: '8' });
  // @ts-expect-error a Date is what handlers get
  await tasks.enqueue('reminder:send', { at: new Date() });
  // @ts-expect-error a number is what handlers get
  await tasks.enqueueMany([8].map((hours) => ({ type: 'hours:count', payload: { hours } })));
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
