import { createHash } from 'node:crypto';
import type { OptionProblem } from '../errors/invalid-options.error.js';
import { OptionReader } from '../runtime/option-reader.js';
import { queueNameProblem } from '../wire/queue-name.js';
import { MOST_PARTITIONS, partitionNames, placeOf } from './partition-name.js';

/** The partitioned queues that a process knows, and the choice of a partition for each new task. */
export class QueuePartitions {
  private readonly names: ReadonlyMap<string, readonly string[]>;
  /**
   * Whose turn it is, for tasks not bound to a partition. Starts at random, because there may be many short-lived
   * clients.
   */
  private readonly turns = new Map<string, number>();

  /** @param counts queue name to number of partitions */
  constructor(counts: Readonly<Record<string, number>>) {
    this.names = new Map(Object.entries(counts).map(([queue, count]) => [queue, partitionNames(queue, count)]));
  }

  /** Whether this process knows of no partitioned queue. */
  get isEmpty(): boolean {
    return this.names.size === 0;
  }

  /** The ordinary queues that are its partitions; `undefined`: none that this process knows of. */
  of(queue: string): readonly string[] | undefined {
    return this.names.get(queue);
  }

  /**
   * The ordinary queue for a new task.
   * @param key tasks with the same key go to the same partition; `undefined`: partitions take turns
   */
  choose(queue: string, key: string | undefined): string {
    const names = this.names.get(queue);
    if (!names) return queue;
    return names[key === undefined ? this.nextTurn(queue, names.length) : consistentHash(key, names.length)]!;
  }

  private nextTurn(queue: string, count: number): number {
    const turn = this.turns.get(queue) ?? Math.floor(Math.random() * count);
    this.turns.set(queue, (turn + 1) % count);
    return turn;
  }
}

/** Jump hash: when `count` grows, a key stays or goes to one of the new partitions. */
function consistentHash(key: string, count: number): number {
  let state = createHash('md5').update(key).digest().readBigUInt64BE();
  let [index, next] = [0, 0];
  while (next < count) {
    index = next;
    state = BigInt.asUintN(64, state * 2_862_933_555_777_941_757n + 1n);
    next = Math.floor((index + 1) * (2 ** 31 / (Number(state >> 33n) + 1)));
  }
  return index;
}

/** The problems of these numbers of partitions, or of the queues beside them. */
export function partitionProblems(
  option: string,
  counts: Readonly<Record<string, number>>,
  queues: readonly string[],
): OptionProblem[] {
  const problems: OptionProblem[] = [];
  const countOf = new Map(Object.entries(counts));
  for (const queue of new Set([...queues, ...countOf.keys()])) {
    const place = placeOf(queue);
    if (place.partition === undefined) continue;
    if (countOf.get(queue) !== undefined) {
      const allowed = `a queue that is not itself a partition, as this one is of "${place.queue}"`;
      problems.push({ option, value: queue, allowed });
    } else if (countOf.get(place.queue) !== undefined) {
      const allowed = `another name: this one is that of a partition of "${place.queue}"`;
      problems.push({ option, value: queue, allowed });
    }
  }
  return problems;
}

/** Reads the option `partitions` of a client: queue name to number of partitions. */
export function readPartitions(reader: OptionReader, given: unknown): Readonly<Record<string, number>> {
  if (given === undefined) return {};
  const numbers = new OptionReader(given as object, 'partitions.');
  if (numbers.problems.length === 0) {
    const counts = given as Readonly<Record<string, number>>;
    for (const queue of Object.keys(counts)) {
      numbers.add(queueNameProblem('partitions', queue));
      numbers.wholeNumber(queue, 1, 1, MOST_PARTITIONS);
    }
    numbers.add(...partitionProblems('partitions', counts, []));
  }
  reader.add(...numbers.problems);
  if (numbers.problems.length > 0) return {};
  return Object.fromEntries(Object.entries(given as object).filter(([, count]) => count !== undefined));
}
