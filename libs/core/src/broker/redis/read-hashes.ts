import * as scripts from '../../scripts/scripts.generated.js';
import { MOST_READ_BYTES } from '../contract/lists.js';
import type { RedisLink } from './redis-link.js';

/** Hashes that one call reads at most. */
const BATCH = 500;

/** The values of some fields of a hash, in their order. */
export type HashFields = readonly (Buffer | null)[];

/** Reads fields of the first of some hashes, of one slot: as many as one reply may hold, at least one. */
export async function readSomeHashes(
  redis: RedisLink,
  record: readonly string[],
  fields: readonly string[],
): Promise<HashFields[]> {
  if (record.length === 0) return [];
  const flat = (await redis.run(
    scripts.readHashes,
    { record: record.slice(0, BATCH) },
    { mostBytes: MOST_READ_BYTES, fields: fields.join(',') },
  )) as (Buffer | null)[];
  return Array.from({ length: flat.length / fields.length }, (_, i) =>
    flat.slice(i * fields.length, (i + 1) * fields.length),
  );
}

/** Reads fields of hashes, of one slot, in as many replies as they need. */
export async function readHashes(
  redis: RedisLink,
  record: readonly string[],
  fields: readonly string[],
): Promise<HashFields[]> {
  const read: HashFields[] = [];
  while (read.length < record.length) read.push(...(await readSomeHashes(redis, record.slice(read.length), fields)));
  return read;
}
