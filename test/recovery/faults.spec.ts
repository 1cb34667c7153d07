import { describe, expect, it } from 'vitest';
import { ours } from './soak/contenders/ours.js';
import { NO_CAUSE } from './soak/ledger.js';
import { cutConnections, loseReplies } from './soak/scenarios/network-faults.js';
import { flushScripts, killClients, killRedis } from './soak/scenarios/redis-faults.js';
import { killWorker, stopWorker } from './soak/scenarios/worker-faults.js';
import { openSingleStage, type SingleStage } from './soak/stages/single-stage.js';
import { type Scenario, Trial } from './soak/trial.js';

describe('a load under faults', () => {
  it('loses nothing, and knows why a task was executed again', async () => {
    await using stage = await openSingleStage();
    const faults = [killWorker, killRedis, flushScripts, killClients, cutConnections, loseReplies, stopWorker];

    const { lost, queued, early, causes, unexplained } = await Trial.run({ contender: ours, stage, seed: 1, faults });

    console.info(causes);
    expect(lost).toEqual([]);
    expect(queued).toEqual([]);
    expect(early).toBe(0);
    expect(unexplained).toEqual([]);
    expect(causes).not.toHaveProperty(NO_CAUSE);
  });

  it('is seen to lose what a Redis without persistence forgets', async () => {
    await using stage = await openSingleStage({ fsync: 'no' });
    const forget: Scenario<SingleStage> = {
      key: 'forget',
      name: 'kill -9 of a Redis that keeps nothing, while no worker runs',
      faults: 1,
      async inject(trial) {
        const workers = trial.workerNames.map((name) => trial.worker(name));
        for (const worker of workers) worker.freeze();
        await trial.ledger.acknowledgedSince(Date.now(), 20);
        await trial.ledger.during({ kind: 'service' }, () => stage.redis.restart());
        for (const worker of workers) worker.thaw();
      },
    };

    const { lost } = await Trial.run({ contender: ours, stage, seed: 1, faults: [forget] });

    expect(lost.length).toBeGreaterThan(0);
  });
});
