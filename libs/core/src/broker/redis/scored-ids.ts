/** A member of a sorted set. */
export interface ScoredId {
  readonly id: string;
  /** As text, the way Redis prints it: the scripts compare it. */
  readonly score: string;
}

/** Reads a reply `WITHSCORES`. */
export function toScoredIds(flat: readonly string[]): ScoredId[] {
  const members: ScoredId[] = [];
  for (let at = 0; at < flat.length; at += 2) members.push({ id: flat[at]!, score: flat[at + 1]! });
  return members;
}

/** A score as a number: Redis writes infinite scores as `inf` and `-inf`. */
export const scoreOf = (score: string): number => Number(score.replace('inf', 'Infinity'));
