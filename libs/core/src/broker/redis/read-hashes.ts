import * as scripts from '../../scripts/scripts.generated.js';
import { MOST_READ_BYTES } from '../contract/lists.js';
import { unexpectedReply } from './redis-failure.js';
import type { RedisLink } from './redis-link.js';

/** Maximum number of hashes per call. */
const BATCH = 500;

/** The values of some fields of a hash, in their order. */
export type HashFields = readonly (Buffer | null)[];

/** Reads fields of the first of the hashes, which share a slot: as many as fit into one reply, at least one. */
export async function readSomeHashes(
  redis: RedisLink,
  record: readonly string[],
  fields: readonly string[],
): Promise<HashFields[]> {
  if (record.length === 0) return [];
  const asked = record.slice(0, BATCH);
  const flat = (await redis.run(
    scripts.readHashes,
    { record: asked },
    { mostBytes: MOST_READ_BYTES, fields: fields.join(',') },
  )) as (Buffer | null)[];
  const count = flat.length / fields.length;
  if (!Number.isInteger(count) || count === 0 || count > asked.length) throw unexpectedReply(scripts.readHashes, flat);
  return Array.from({ length: count }, (_, i) => flat.slice(i * fields.length, (i + 1) * fields.length));
}

/** Reads fields of all of the hashes, which share a slot, in as many replies as needed. */
export async function readHashes(
  redis: RedisLink,
  record: readonly string[],
  fields: readonly string[],
): Promise<HashFields[]> {
  const read: HashFields[] = [];
  while (read.length < record.length) read.push(...(await readSomeHashes(redis, record.slice(read.length), fields)));
  return read;
}
