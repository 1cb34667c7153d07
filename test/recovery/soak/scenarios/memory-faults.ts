import type { Redis } from 'ioredis';
import { Redis as Client } from 'ioredis';
import { sleep } from '../../../support/load.js';
import { asAdmin } from '../stages/admin.js';
import type { SingleStage } from '../stages/single-stage.js';
import { LEASE_MS, type Scenario } from '../trial.js';

const FULL_MS = 2 * LEASE_MS;
/** Keys of others, among which Redis draws what it evicts. */
const BALLAST = 2_000;
const BALLAST_VALUE = 'x'.repeat(1_000);
const EVICTIONS = 2_000;

/** Redis has no memory left for what it holds now. */
async function fill(admin: Redis, policy: string): Promise<void> {
  const [, usedBytes] = /used_memory:(\d+)/.exec(await admin.info('memory'))!;
  await admin.config('SET', 'maxmemory-policy', policy);
  await admin.config('SET', 'maxmemory', usedBytes!);
}

export const fullRedis: Scenario<SingleStage> = {
  key: 'full-redis',
  name: 'maxmemory reached, noeviction, for two leases',
  faults: 4,
  async inject({ ledger, stage }) {
    await ledger.during({ kind: 'service' }, () =>
      asAdmin(stage.redis, async (admin) => {
        await fill(admin, 'noeviction');
        await sleep(FULL_MS);
        await admin.config('SET', 'maxmemory', '0');
      }),
    );
  },
};

/** Redis deletes keys at random, those of tasks and queues among them, and tells the ledger which. */
export const evictKeys: Scenario<SingleStage> = {
  key: 'evicting-redis',
  name: 'maxmemory reached, allkeys-random',
  faults: 2,
  async inject({ ledger, stage }) {
    await ledger.during({ kind: 'eviction' }, () =>
      asAdmin(stage.redis, async (admin) => {
        const witness = new Client(stage.redis.url);
        await admin.config('SET', 'notify-keyspace-events', 'Ee');
        await witness.subscribe('__keyevent@0__:evicted');
        witness.on('message', (_channel, key: string) => ledger.noteEvicted(key));
        for (let i = 0; i < BALLAST; i++) await admin.set(`ballast:${i}`, BALLAST_VALUE);
        await fill(admin, 'allkeys-random');
        for (let i = 0; i < EVICTIONS; i++) await admin.set(`ballast:more:${i}`, BALLAST_VALUE);
        await admin.config('SET', 'maxmemory', '0');
        await witness.unsubscribe(); // answered after the last eviction
        witness.disconnect();
      }),
    );
  },
};
