import { sleep } from '../../../support/load.js';
import type { RedisServer } from '../../../support/redis-server.js';
import { SlotMove } from '../../../support/slot-move.js';
import { asAdmin } from '../stages/admin.js';
import type { ClusterStage } from '../stages/cluster-stage.js';
import type { SentinelStage } from '../stages/sentinel-stage.js';
import { QUEUES, type Scenario, type Trial } from '../trial.js';

/** When Redis gives up a failover by hand, on a machine that is too busy for it. */
const GIVEN_UP_MS = 5_000;

type How = 'kill' | 'freeze';

interface Overthrow {
  readonly how: How;
  readonly master: RedisServer;
  /** Resolves once a replica has taken over. */
  readonly succeeded: () => Promise<unknown>;
  /** That it serves; all by default. */
  readonly queues?: readonly string[];
}

/** A replica takes over for a master, which comes back afterwards. */
async function overthrow(
  trial: Trial<ClusterStage | SentinelStage>,
  { how, master, succeeded, queues }: Overthrow,
): Promise<void> {
  const fault = await trial.away(
    'failover',
    async () => {
      await master[how]();
      await succeeded();
    },
    queues,
  );
  await trial.ledger.startedSince(Date.now(), 10);
  await (how === 'kill' ? master.start() : master.thaw());
  await trial.stage.isWhole();
  fault.effectiveUntilMs = Date.now();
}

async function overthrowInCluster(trial: Trial<ClusterStage>, how: How): Promise<void> {
  const { stage, random } = trial;
  const queue = random.pick(QUEUES);
  const master = await stage.masterOf(queue);
  const replica = await stage.replicaOf(master);
  await overthrow(trial, { how, master, succeeded: () => stage.isPromoted(replica), queues: [queue] });
}

export const killClusterMaster: Scenario<ClusterStage> = {
  key: 'cluster-kill-master',
  name: 'Cluster: kill -9 of a master',
  faults: 6,
  inject: (trial) => overthrowInCluster(trial, 'kill'),
};

export const freezeClusterMaster: Scenario<ClusterStage> = {
  key: 'cluster-freeze-master',
  name: 'Cluster: SIGSTOP of a master until a replica has taken over, SIGCONT',
  faults: 4,
  inject: (trial) => overthrowInCluster(trial, 'freeze'),
};

/** `CLUSTER FAILOVER` makes the replica of a master its successor. */
async function handOver(trial: Trial<ClusterStage>, queue: string): Promise<void> {
  const { stage } = trial;
  const replica = await stage.replicaOf(await stage.masterOf(queue));
  await trial.away(
    'failover',
    async () => {
      const promoted = stage.isPromoted(replica).then(() => true);
      do await asAdmin(replica, (admin) => admin.cluster('FAILOVER'));
      while (!(await Promise.race([promoted, sleep(GIVEN_UP_MS, false)])));
    },
    [queue],
  );
  await stage.isWhole();
}

export const clusterFailover: Scenario<ClusterStage> = {
  key: 'cluster-failover',
  name: 'Cluster: CLUSTER FAILOVER to the replica, and back',
  faults: 4,
  async inject(trial) {
    const queue = trial.random.pick(QUEUES);
    await handOver(trial, queue);
    await trial.ledger.startedSince(Date.now(), 10);
    await handOver(trial, queue);
  },
};

export const moveSlot: Scenario<ClusterStage> = {
  key: 'cluster-move-slot',
  name: 'Cluster: the slot of a busy queue moves to another master',
  faults: 5,
  async inject({ stage, ledger, random }) {
    const queue = random.pick(QUEUES);
    const masters = await stage.masters();
    const from = await stage.masterOf(queue);
    const to = random.pick(masters.filter((master) => master !== from));
    await ledger.during({ kind: 'service', queues: [queue] }, async () => {
      using move = await SlotMove.begin(masters, queue, { from, to });
      while ((await move.moveKeys(1)) > 0) await sleep(random.between(0, 20));
      await move.finish();
    });
    await stage.isWhole();
  },
};

export const CLUSTER_FAULTS: readonly Scenario<ClusterStage>[] = [
  killClusterMaster,
  freezeClusterMaster,
  clusterFailover,
  moveSlot,
];

async function overthrowWatched(trial: Trial<SentinelStage>, how: How): Promise<void> {
  const { stage } = trial;
  const master = await stage.master();
  await overthrow(trial, { how, master, succeeded: () => stage.hasMovedFrom(master) });
}

export const killSentinelMaster: Scenario<SentinelStage> = {
  key: 'sentinel-kill-master',
  name: 'Sentinel: kill -9 of the master',
  faults: 6,
  inject: (trial) => overthrowWatched(trial, 'kill'),
};

export const freezeSentinelMaster: Scenario<SentinelStage> = {
  key: 'sentinel-freeze-master',
  name: 'Sentinel: SIGSTOP of the master until a replica has taken over, SIGCONT',
  faults: 4,
  inject: (trial) => overthrowWatched(trial, 'freeze'),
};

export const sentinelFailover: Scenario<SentinelStage> = {
  key: 'sentinel-failover',
  name: 'Sentinel: SENTINEL FAILOVER',
  faults: 6,
  async inject(trial) {
    const { stage } = trial;
    const master = await stage.master();
    const fault = await trial.away('failover', async () => {
      await stage.failover();
      await stage.hasMovedFrom(master);
    });
    await stage.isWhole();
    fault.effectiveUntilMs = Date.now();
  },
};

export const SENTINEL_FAULTS: readonly Scenario<SentinelStage>[] = [
  killSentinelMaster,
  freezeSentinelMaster,
  sentinelFailover,
];
