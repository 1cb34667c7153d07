import { type BatchLimits, inBatches } from './batches.js';
import { isCluster } from './nodes.js';
import { type OnReply, sendPipelined } from './node-pipelines.js';
import type { RedisClient } from './redis-connection.js';

/** Keys that one `EXISTS` checks: few enough to find the existing one among them at a low cost. */
const KEYS_TOGETHER = 64;
const TOGETHER: BatchLimits = { items: KEYS_TOGETHER, size: KEYS_TOGETHER };

/**
 * Whether any key of each group exists; the keys of a group share a slot. While hardly any exists, a single server
 * answers in one command per {@link KEYS_TOGETHER} keys, instead of one per group. Never rejects.
 */
export async function anyExist(
  client: RedisClient,
  groups: readonly (readonly string[])[],
  onReply: OnReply,
): Promise<void> {
  const places = groups.map((_, place) => place);
  const suspects = isCluster(client) ? places : await existingAmong(client, groups, places);
  const isSuspect = new Set(suspects);
  for (const place of places) if (!isSuspect.has(place)) onReply(place, false);
  await sendPipelined(
    client,
    suspects.map((place) => existsCommand(groups[place]!)),
    (i, reply) => onReply(suspects[i]!, reply instanceof Error ? reply : reply !== 0),
  );
}

/** The groups of which one may exist: all of a batch when the server refuses keys of several slots, as proxies do. */
async function existingAmong(
  client: RedisClient,
  groups: readonly (readonly string[])[],
  places: readonly number[],
): Promise<readonly number[]> {
  if (places.length < 2) return places;
  const batches = inBatches(places, (place) => groups[place]!.length, TOGETHER);
  const suspects: number[] = [];
  await sendPipelined(
    client,
    batches.map((batch) => existsCommand(batch.flatMap((place) => groups[place]!))),
    (i, reply) => reply === 0 || suspects.push(...batches[i]!),
  );
  return suspects;
}

const existsCommand = (keys: readonly string[]) => ({
  key: keys[0]!,
  addTo: (pipeline: { exists(...keys: string[]): unknown }) => pipeline.exists(...keys),
});
