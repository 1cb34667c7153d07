import type { GroupLimits, WaitingGroup } from './contract/groups.js';

/**
 * When a group becomes ripe if no task joins, unix s, perhaps in the past; `-Infinity` for a full one, whose times may be
 * those of a wrong clock. The same rule as in take-group.lua.
 */
export function ripeFromS({ size, oldestS, newestS }: Omit<WaitingGroup, 'name'>, limits: GroupLimits): number {
  const { gracePeriodS, maxDelayS, maxSize } = limits;
  if (maxSize > 0 && size >= maxSize) return -Infinity;
  const graceEndsS = newestS + gracePeriodS;
  return maxDelayS > 0 ? Math.min(graceEndsS, oldestS + maxDelayS) : graceEndsS;
}
