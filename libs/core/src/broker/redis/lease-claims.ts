import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { ceilS, fromS } from '../../wire/unix-time.js';
import type { ExtendReply, LeaseClaim, LeasedTask } from '../contract/lease.js';
import type { RedisLink } from './redis-link.js';
import { toCancelOutcome } from './waiting.js';

/** Maximum number of leases per call. */
const MOST_EXTENDED = 1_000;

/** A claim as the scripts read it. */
export const leasesOf = (claim: LeaseClaim): string => claim.expiriesS.join(',');

/** Sets the leases of the claimed tasks. */
export async function extendLeases(
  redis: RedisLink,
  queue: string,
  claims: readonly LeaseClaim[],
  expiresAtS: number,
): Promise<ExtendReply> {
  const lost: string[] = [];
  const cancelRequests: ExtendReply['cancelRequests'][number][] = [];
  for (let at = 0; at < claims.length; at += MOST_EXTENDED) {
    const batch = claims.slice(at, at + MOST_EXTENDED);
    const [lostIds, requested] = (await redis.run(
      scripts.extendLeases,
      { lease: keys.lease(queue), task: batch.map(({ id }) => keys.task(queue, id)) },
      { expiresAtS },
      batch.map((claim) => ({ taskId: claim.id, leases: leasesOf(claim) })),
    )) as [Buffer[], Buffer[]];
    lost.push(...lostIds.map(String));
    for (let i = 0; i < requested.length; i += 2) {
      const outcome = toCancelOutcome(requested[i + 1]!);
      if (outcome) cancelRequests.push({ id: String(requested[i]), outcome });
    }
  }
  return { lost, cancelRequests };
}

/**
 * Tasks as they were fetched together. When their lease was about to end, or had ended, before they arrived: those of them that no
 * other server has by now, with new leases.
 */
export async function renewLate(
  redis: RedisLink,
  queue: string,
  tasks: readonly LeasedTask[],
  leaseMs: number,
): Promise<readonly LeasedTask[]> {
  const [first] = tasks;
  if (!first || fromS(first.leaseExpiresAtS) - redis.clock.nowMs() > leaseMs / 2) return tasks;
  const claims = tasks.map(({ message, leaseExpiresAtS }) => ({ id: message.id, expiriesS: [leaseExpiresAtS] }));
  const leaseExpiresAtS = ceilS(redis.clock.nowMs() + leaseMs);
  const { lost } = await extendLeases(redis, queue, claims, leaseExpiresAtS);
  const gone = new Set(lost);
  return tasks.filter(({ message }) => !gone.has(message.id)).map((task) => ({ ...task, leaseExpiresAtS }));
}
