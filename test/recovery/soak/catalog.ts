import { breakStates } from './scenarios/broken-states.js';
import { CLUSTER_FAULTS, SENTINEL_FAULTS } from './scenarios/failovers.js';
import { evictKeys, fullRedis } from './scenarios/memory-faults.js';
import { NETWORK_FAULTS } from './scenarios/network-faults.js';
import { killRedisEverysec, REDIS_FAULTS } from './scenarios/redis-faults.js';
import { WORKER_FAULTS } from './scenarios/worker-faults.js';
import { type ClusterStage, openClusterStage } from './stages/cluster-stage.js';
import { openSentinelStage, type SentinelStage } from './stages/sentinel-stage.js';
import { openSingleStage, type SingleStage } from './stages/single-stage.js';
import type { Scenario, Stage } from './trial.js';

/** Faults of one stage: of one kind each, and those among which a schedule draws. */
interface Programme<S extends Stage> {
  readonly key: string;
  readonly name: string;
  readonly open: () => Promise<S>;
  readonly scenarios: readonly Scenario<S>[];
  readonly drawn: readonly Scenario<S>[];
}

/** One line of the page: so many faults drawn from some scenarios, on a stage. */
export interface Entry {
  readonly key: string;
  readonly name: string;
  readonly open: () => Promise<Stage>;
  readonly scenarios: readonly Scenario<Stage>[];
  /** How many faults; `undefined`: as many as there is time for. */
  readonly faults: number | undefined;
}

const single: Programme<SingleStage> = {
  key: 'single',
  name: 'one Redis',
  open: () => openSingleStage(),
  scenarios: [...WORKER_FAULTS, ...REDIS_FAULTS, ...NETWORK_FAULTS, fullRedis, evictKeys, breakStates],
  drawn: [...WORKER_FAULTS, ...REDIS_FAULTS, ...NETWORK_FAULTS, fullRedis], // not what loses tasks or waits for the repair
};
const everysec: Programme<SingleStage> = {
  key: 'everysec',
  name: 'one Redis',
  open: () => openSingleStage({ fsync: 'everysec' }),
  scenarios: [killRedisEverysec],
  drawn: [],
};
const cluster: Programme<ClusterStage> = {
  key: 'cluster',
  name: 'a Cluster',
  open: openClusterStage,
  scenarios: CLUSTER_FAULTS,
  drawn: [...WORKER_FAULTS, ...CLUSTER_FAULTS],
};
const sentinel: Programme<SentinelStage> = {
  key: 'sentinel',
  name: 'Sentinel',
  open: openSentinelStage,
  scenarios: SENTINEL_FAULTS,
  drawn: [...WORKER_FAULTS, ...SENTINEL_FAULTS],
};

function entriesOf<S extends Stage>({ key, name, open, scenarios, drawn }: Programme<S>): Entry[] {
  const entries = scenarios.map((scenario) => ({
    key: scenario.key,
    name: scenario.name,
    open,
    scenarios: [scenario],
    faults: scenario.faults,
  }));
  const random = {
    key: `${key}-random`,
    name: `all on ${name}, drawn at random`,
    open,
    scenarios: drawn,
    faults: undefined,
  };
  return [...entries, ...(drawn.length > 0 ? [random] : [])];
}

export const ENTRIES: readonly Entry[] = [
  ...entriesOf(single),
  ...entriesOf(everysec),
  ...entriesOf(cluster),
  ...entriesOf(sentinel),
];

/** Keys of the entries that say as much of other task queues: they hit processes, servers and connections alone. */
export const COMPARED: readonly string[] = [
  'kill-worker',
  'stop-worker',
  'deploy',
  'freeze-worker',
  'kill-redis',
  'freeze-redis',
  'script-flush',
  'client-kill',
  'cut',
  'delay',
  'lose-replies',
  'silence',
  'half-open',
  'cluster-kill-master',
  'cluster-freeze-master',
  'sentinel-kill-master',
  'sentinel-freeze-master',
];
