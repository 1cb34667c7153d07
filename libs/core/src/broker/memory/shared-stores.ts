import { InvalidOptionsError } from '../../errors/invalid-options.error.js';
import { type Clock, systemClock } from '../../runtime/clock.js';
import type { Logger } from '../../runtime/logger.js';
import { MemoryStore } from './memory-store.js';

/** An open store under a name. */
interface OpenStore {
  readonly store: MemoryStore;
  users: number;
}

/** All open stores of the process, including those opened by another copy of this package. */
interface Registry {
  readonly format: number;
  /** Of the copy that was loaded first: each copy has its own. */
  readonly systemClock: Clock;
  readonly stores: Map<string, OpenStore[]>;
}

const REGISTRY = Symbol.for('@nestjs-asynq/core/memory');

/** Incremented when stores change in a way that is incompatible with older copies of this package. */
const FORMAT = 2;

/** A store and the end of its use. */
export interface SharedStore {
  readonly store: MemoryStore;
  /** Drops the store when its last user releases it. Idempotent. */
  readonly release: () => void;
}

/**
 * The store of a name, shared by all that open it with the same clock. Two clocks mean two stores, since a task has one
 * due time.
 * @throws {InvalidOptionsError} another version of this package has stores open
 */
export function openStore(name: string, clock: Clock, logger: Logger): SharedStore {
  const { stores, systemClock: firstSystemClock } = registry();
  const own = clock === systemClock ? firstSystemClock : clock;
  const others = stores.get(name) ?? [];
  const open = others.find(({ store }) => store.clock === own) ?? { store: new MemoryStore(own), users: 0 };
  if (open.users === 0) {
    stores.set(name, [...others, open]);
    if (others.length > 0)
      logger.warn(`the in-memory store "${name}" is also open with another clock; the two share no tasks`);
  }
  open.users += 1;
  return { store: open.store, release: once(() => leave(stores, name, open)) };
}

/** The clock of the store of a name; `undefined` when none is open, or several are. */
export function clockOfStore(name: string): Clock | undefined {
  const open = registry().stores.get(name) ?? [];
  return open.length === 1 ? open[0]!.store.clock : undefined;
}

function leave(stores: Registry['stores'], name: string, left: OpenStore): void {
  left.users -= 1;
  if (left.users > 0) return;
  const others = stores.get(name)!.filter((open) => open !== left);
  if (others.length > 0) stores.set(name, others);
  else stores.delete(name);
}

function registry(): Registry {
  const holder = globalThis as { [REGISTRY]?: Registry };
  const found = (holder[REGISTRY] ??= { format: FORMAT, systemClock, stores: new Map() });
  if (found.format === FORMAT) return found;
  const allowed = 'one version of @nestjs-asynq/core per process: another version has in-memory stores open';
  throw new InvalidOptionsError([{ option: 'connection', value: 'memory', allowed }]);
}

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) act();
    isDone = true;
  };
}
