import { sleep } from '../../../support/load.js';
import type { Scenario, Stage, Trial } from '../trial.js';

/** Longer than a lease. */
const BLOCK_MS = 6_000;
const SKEW_MS = 5 * 60_000;
const SKEWED_FOR_MS = 6_000;

/**
 * A worker that runs a task, once there is one. It is drawn among these: under a light load the others may get no task for
 * minutes, because the first to hear of one has free slots.
 */
function drawBusyWorker(trial: Trial<Stage>): Promise<string> {
  const names = trial.workerNames;
  const first = trial.random.between(0, names.length);
  return trial.ledger.busyOf([...names.slice(first), ...names.slice(0, first)]);
}

export const killWorker: Scenario<Stage> = {
  key: 'kill-worker',
  name: 'kill -9 of a worker',
  faults: 200,
  async inject(trial) {
    const name = trial.drawWorker();
    const worker = trial.retire(name);
    await trial.ledger.during({ kind: 'worker-killed', worker: name }, () => worker.kill());
    await trial.addWorker();
  },
};

export const freezeWorker: Scenario<Stage> = {
  key: 'freeze-worker',
  name: 'SIGSTOP of a worker past its lease, SIGCONT',
  faults: 6,
  async inject(trial) {
    const name = await drawBusyWorker(trial);
    const worker = trial.worker(name);
    await trial.ledger.during({ kind: 'worker-frozen', worker: name }, async () => {
      worker.freeze();
      await sleep(trial.abandonedAfterMs);
      worker.thaw();
    });
  },
};

export const stopWorker: Scenario<Stage> = {
  key: 'stop-worker',
  name: 'SIGTERM of a worker',
  faults: 10,
  async inject(trial) {
    const name = await drawBusyWorker(trial);
    await stop(trial, name);
  },
};

async function stop(trial: Trial<Stage>, name: string): Promise<void> {
  const worker = trial.retire(name);
  await trial.ledger.during({ kind: 'worker-stopped', worker: name }, () =>
    Promise.all([worker.terminate(), trial.addWorker()]),
  );
}

export const deploy: Scenario<Stage> = {
  key: 'deploy',
  name: 'a rolling deploy: SIGTERM of each worker in turn',
  faults: 3,
  async inject(trial) {
    for (const name of trial.workerNames) await stop(trial, name);
  },
};

export const blockWorker: Scenario<Stage> = {
  key: 'block-worker',
  name: 'a handler that blocks the event loop past the lease',
  faults: 3,
  async inject(trial) {
    const id = await trial.enqueue({ type: 'block', ms: BLOCK_MS });
    const worker = await trial.ledger.workerOf(id);
    await trial.ledger.during({ kind: 'worker-blocked', worker }, () => trial.ledger.executed(id));
  },
};

/** The clock of a worker's machine is wrong: its own, not that of Redis and of the others. */
const skewClock = (key: string, name: string, skewMs: number): Scenario<Stage> => ({
  key,
  name,
  faults: 3,
  async inject(trial) {
    const worker = await trial.addWorker({ clockSkewMs: skewMs });
    await trial.ledger.during({ kind: 'worker-skewed', worker }, () => sleep(SKEWED_FOR_MS));
    await trial.ledger.during({ kind: 'worker-stopped', worker }, () => trial.retire(worker).terminate());
  },
});

export const clockAhead = skewClock('clock-ahead', 'a worker whose clock is 5 minutes ahead', SKEW_MS);
export const clockBehind = skewClock('clock-behind', 'a worker whose clock is 5 minutes behind', -SKEW_MS);

export const poison: Scenario<Stage> = {
  key: 'poison',
  name: 'a task that kills each worker that runs it',
  faults: 2,
  async inject(trial) {
    const id = await trial.enqueue({ type: 'poison' });
    await trial.until(async () => (await trial.stateOf(id)) === 'archived');
  },
};

export const WORKER_FAULTS: readonly Scenario<Stage>[] = [
  killWorker,
  stopWorker,
  deploy,
  freezeWorker,
  blockWorker,
  clockAhead,
  clockBehind,
  poison,
];
