import type { GroupLimits, WaitingGroup } from './contract/groups.js';

/** From when on a group is ripe if nobody joins, unix s; it may be over. The same is said in take-group.lua. */
export function ripeFromS({ size, oldestS, newestS }: Omit<WaitingGroup, 'name'>, limits: GroupLimits): number {
  const { gracePeriodS, maxDelayS, maxSize } = limits;
  if (maxSize > 0 && size >= maxSize) return newestS;
  const graceEndsS = newestS + gracePeriodS;
  return maxDelayS > 0 ? Math.min(graceEndsS, oldestS + maxDelayS) : graceEndsS;
}
