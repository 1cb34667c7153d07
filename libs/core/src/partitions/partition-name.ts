import { crc16, SLOTS } from '../wire/key-slot.js';

/** Maximum number of partitions of a queue: each costs every server a lane and the duties of a queue. */
export const MOST_PARTITIONS = 64;

/**
 * Target slots of the first partitions. For every n up to 12 the first n targets are in n different nths of all slots,
 * at least 80 slots from their borders, so n masters of a cluster get one each, and m masters an equal number where m
 * divides n.
 */
const TARGETS = [745, 8610, 12_478, 4_286, 14_451, 6_926, 10_333, 2_238, 15_642, 5_654, 11_185, 2_902];
/** A twelfth of the slots. Twelve partitions are in twelve such cells; so is each further dozen. */
const CELL = SLOTS / TARGETS.length;

const LETTERS = 'abcdefghijklmnopqrstuvwxyz'.split('');
const TWO_ZEROS = new Uint8Array(2);
/** The two letters of a suffix, and their part of the checksum. CRC-16 is linear: the text in front does not matter. */
const ENDINGS = LETTERS.flatMap((first) =>
  LETTERS.map((second) => ({ text: first + second, checksum: crc16(Buffer.from(first + second)) })),
);

/**
 * The ordinary queue that is partition `index` of `queue`, such as `email:p3-qu`. Depends only on these two. Of all
 * two-letter suffixes it has the one whose slot is nearest to the target of `index`; of several, the first in the
 * alphabet.
 */
export function partitionName(queue: string, index: number): string {
  const stem = `${queue}:p${index}-`;
  const before = crc16(TWO_ZEROS, crc16(Buffer.from(stem)));
  const target = targetSlot(index);
  let nearest = '';
  let least = Infinity;
  for (const { text, checksum } of ENDINGS) {
    const apart = Math.abs(((before ^ checksum) % SLOTS) - target);
    const distance = Math.min(apart, SLOTS - apart);
    if (distance < least) [nearest, least] = [text, distance];
  }
  return stem + nearest;
}

/** The names of all partitions of a queue, by number. */
export const partitionNames = (queue: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => partitionName(queue, index));

/** Later dozens use the cells of the first one, at other places within them: the other half, then the quarters. */
function targetSlot(index: number): number {
  const first = TARGETS[index % TARGETS.length]!;
  const cellAt = Math.floor(first / CELL) * CELL;
  const shift = CELL * bitReversed(Math.floor(index / TARGETS.length));
  return Math.floor(cellAt + ((first - cellAt + shift) % CELL));
}

/** The binary digits of a number, mirrored at the point: 0, 1/2, 1/4, 3/4, 1/8, … */
function bitReversed(number: number): number {
  let fraction = 0;
  for (let rest = number, digit = 1 / 2; rest > 0; rest >>= 1, digit /= 2) fraction += (rest & 1) * digit;
  return fraction;
}

/** A queue as users name it, and the ordinary queue among its partitions. */
interface QueuePlace {
  readonly queue: string;
  /** `undefined`: the queue itself. */
  readonly partition: string | undefined;
  /** -1 for the queue itself. */
  readonly index: number;
}

const PARTITION_NAME = /^(.+):p(0|[1-9]\d?)-[a-z]{2}$/su;
/** An app uses the same few names repeatedly. */
const MOST_KNOWN = 1_000;
const known = new Map<string, QueuePlace>();

/** Most tasks are of the same queue as the one before. */
let last: { readonly name: string; readonly place: QueuePlace } | undefined;

/** Resolves the name of an ordinary queue. The suffix identifies a partition. */
export function placeOf(name: string): QueuePlace {
  if (last?.name !== name) last = { name, place: resolve(name) };
  return last.place;
}

function resolve(name: string): QueuePlace {
  if (!name.includes(':p')) return { queue: name, partition: undefined, index: -1 };
  const [, queue, digits] = PARTITION_NAME.exec(name) ?? [];
  if (queue === undefined) return { queue: name, partition: undefined, index: -1 };
  const found = known.get(name);
  if (found) return found;
  const index = Number(digits);
  const isPartition = index < MOST_PARTITIONS && partitionName(queue, index) === name;
  const place: QueuePlace = isPartition
    ? { queue, partition: name, index }
    : { queue: name, partition: undefined, index: -1 };
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(name, place);
  return place;
}
