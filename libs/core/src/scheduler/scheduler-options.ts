import { CLIENT_OPTION_NAMES, type ClientOptions } from '../client/client.js';
import type { EnqueueItem } from '../client/enqueue-options.js';
import type { Duration } from '../runtime/duration.js';
import { OptionReader } from '../runtime/option-reader.js';
import type { PeriodicTaskProvider } from './provider-sync.js';
import { TimeZone } from '../cron/time-zone.js';

/** Options of a scheduler: those of its client, and its own. Only `connection` is required. */
export interface SchedulerOptions extends Omit<ClientOptions, 'partitions'> {
  /** Defaults of the task options. A `group` does not apply. */
  readonly defaults?: ClientOptions['defaults'];
  /** IANA time zone of specs without one. Default `'UTC'`. */
  readonly zone?: string | undefined;
  /**
   * Called before a tick is claimed, with the task to enqueue. Another scheduler may claim the tick first, and a claim
   * whose reply is lost is repeated: `onEvent` reports what was enqueued. Errors and rejections are logged; a promise
   * is not awaited.
   */
  readonly beforeEnqueue?: ((task: EnqueueItem) => void) | undefined;
  /** How often the plan is registered for inspectors, at least `'1s'`; it expires after twice as long. Default `'10s'`. */
  readonly heartbeatInterval?: Duration | undefined;
  /** Source of further periodic tasks, queried regularly at run time. Default none. */
  readonly provider?: PeriodicTaskProvider | undefined;
  /** How often the provider is queried. Default `'3m'`, as in asynq. */
  readonly syncInterval?: Duration | undefined;
}

/** A tick and its task are written together, so the task goes to the queue's own name. */
const CLIENT_NAMES = CLIENT_OPTION_NAMES.filter((name) => name !== 'partitions');
const OWN_NAMES = ['zone', 'beforeEnqueue', 'heartbeatInterval', 'provider', 'syncInterval'];
const DEFAULT_HEARTBEAT_MS = 10_000;
const DEFAULT_SYNC_MS = 180_000;

/** The validated options, separated by part; the client validates its own. */
interface SchedulerSettings {
  readonly client: ClientOptions;
  readonly zone: string;
  readonly heartbeatMs: number;
  readonly syncMs: number;
}

/** @throws {InvalidOptionsError} an option of the scheduler's own is wrong, or unknown */
export function readSchedulerOptions(options: SchedulerOptions): SchedulerSettings {
  const reader = new OptionReader(options);
  reader.onlyKnown([...CLIENT_NAMES, ...OWN_NAMES]);
  reader.callable('beforeEnqueue', undefined);
  reader.callable('provider', undefined, ['periodicTasks']);
  const settings: SchedulerSettings = {
    client: pickClientOptions(options),
    zone: reader.text('zone', 'UTC'),
    heartbeatMs: reader.duration('heartbeatInterval', DEFAULT_HEARTBEAT_MS, { minMs: 1_000 }),
    syncMs: reader.duration('syncInterval', DEFAULT_SYNC_MS, { minMs: 1 }),
  };
  if (!isZone(settings.zone)) reader.refuse('zone', "an IANA time zone such as 'Europe/Berlin'");
  reader.throwIfWrong();
  return settings;
}

/** The script that claims a tick and enqueues its task does not support groups. */
function pickClientOptions(options: SchedulerOptions): ClientOptions {
  const picked = Object.fromEntries(CLIENT_NAMES.map((name) => [name, options[name]])) as unknown as ClientOptions;
  return { ...picked, defaults: options.defaults && { ...options.defaults, group: undefined } };
}

function isZone(name: string): boolean {
  try {
    return new TimeZone(name) instanceof TimeZone;
  } catch {
    return false;
  }
}
