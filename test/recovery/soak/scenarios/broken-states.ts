import { asAdmin } from '../stages/admin.js';
import type { SingleStage } from '../stages/single-stage.js';
import { QUEUES, type Scenario } from '../trial.js';

const HOUR_MS = 3_600_000;
/** Of each kind in each queue. */
const BROKEN = 20;

/**
 * What asynq leaves behind after faults of Redis: tasks in `active` without a lease, which are to run; ids without a task
 * in `pending`, in `active` and in `lease`, which are to go.
 */
export const breakStates: Scenario<SingleStage> = {
  key: 'broken-states',
  name: 'tasks active without a lease, ids without a task, leases without either',
  faults: 1,
  async inject(trial) {
    const ids: string[] = [];
    for (let i = 0; i < BROKEN; i++) {
      for (const queue of QUEUES) ids.push(await trial.enqueue({ queue, processInMs: HOUR_MS }));
    }
    await trial.ledger.during({ kind: 'broken-state', tasks: ids }, () =>
      asAdmin(trial.stage.redis, async (admin) => {
        const [nowS] = (await admin.time()).map(Number);
        for (const id of ids) {
          const [queue] = id.split('/') as [string];
          const key = (name: string): string => `asynq:{${queue}}:${name}`;
          await admin
            .multi()
            .zrem(key('scheduled'), id)
            .lpush(key('active'), id)
            .hset(key(`t:${id}`), 'state', 'active')
            .lpush(key('pending'), `unknown-${id}`)
            .lpush(key('active'), `stub-${id}`)
            .hset(key(`t:stub-${id}`), 'state', 'active')
            .zadd(key('lease'), nowS! + 1, `stub-${id}`)
            .zadd(key('lease'), nowS! + 1, `lease-${id}`)
            .exec();
        }
        await trial.ledger.executed(...ids);
        await trial.until(async () => {
          const left = await Promise.all(
            QUEUES.flatMap((queue) => [
              admin.lrange(`asynq:{${queue}}:pending`, 0, -1),
              admin.lrange(`asynq:{${queue}}:active`, 0, -1),
              admin.zrange(`asynq:{${queue}}:lease`, '0', '-1'),
            ]),
          );
          return !left.flat().some((id) => /^(unknown|stub|lease)-/.test(id));
        });
      }),
    );
  },
};
