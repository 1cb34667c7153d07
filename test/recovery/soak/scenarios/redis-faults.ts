import type { Redis } from 'ioredis';
import { sleep } from '../../../support/load.js';
import type { RedisServer } from '../../../support/redis-server.js';
import type { FaultKind } from '../ledger.js';
import { asAdmin } from '../stages/admin.js';
import type { SingleStage } from '../stages/single-stage.js';
import type { Scenario } from '../trial.js';

const kill = (key: string, fsync: string, kind: FaultKind): Scenario<SingleStage> => ({
  key,
  name: `kill -9 of Redis, appendfsync ${fsync}`,
  faults: 10,
  async inject(trial) {
    const { stage, random } = trial;
    await trial.away(kind, async () => {
      await stage.redis.kill();
      await sleep(random.between(0, 2_000));
      await stage.redis.start();
    });
  },
});

export const killRedis = kill('kill-redis', 'always', 'service');
/** It may come back without what it had answered last. */
export const killRedisEverysec = kill('kill-redis-everysec', 'everysec', 'restart');

export const freezeRedis: Scenario<SingleStage> = {
  key: 'freeze-redis',
  name: 'SIGSTOP of Redis for 1 to 6 s, SIGCONT',
  faults: 5,
  async inject(trial) {
    const { stage, random } = trial;
    await trial.away('service', async () => {
      await stage.redis.freeze();
      await sleep(random.between(1_000, 6_000));
      await stage.redis.thaw();
    });
  },
};

interface Storm {
  readonly forMs: number;
  readonly everyMs: number;
}

async function storm(
  redis: RedisServer,
  { forMs, everyMs }: Storm,
  strike: (admin: Redis) => Promise<unknown>,
): Promise<void> {
  await asAdmin(redis, async (admin) => {
    for (const endAtMs = Date.now() + forMs; Date.now() < endAtMs; await sleep(everyMs)) await strike(admin);
  });
}

export const flushScripts: Scenario<SingleStage> = {
  key: 'script-flush',
  name: 'SCRIPT FLUSH every 5 ms',
  faults: 3,
  async inject({ ledger, stage }) {
    await ledger.during({ kind: 'service' }, () =>
      storm(stage.redis, { forMs: 2_000, everyMs: 5 }, (admin) => admin.script('FLUSH')),
    );
  },
};

export const killClients: Scenario<SingleStage> = {
  key: 'client-kill',
  name: 'CLIENT KILL of all every 100 ms',
  faults: 3,
  async inject({ ledger, stage }) {
    await ledger.during({ kind: 'service' }, () =>
      storm(stage.redis, { forMs: 2_000, everyMs: 100 }, async (admin) => {
        await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      }),
    );
  },
};

export const REDIS_FAULTS: readonly Scenario<SingleStage>[] = [killRedis, freezeRedis, flushScripts, killClients];
