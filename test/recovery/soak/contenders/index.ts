import { asynq } from './asynq.js';
import { bullmq } from './bullmq.js';
import type { Contender } from './contender.js';
import { ours } from './ours.js';

export const CONTENDERS: readonly Contender[] = [ours, asynq, bullmq];

/** @throws for a name that none of them has */
export function contenderNamed(name: string): Contender {
  const found = CONTENDERS.find((contender) => contender.name === name);
  if (!found) throw new Error(`SOAK_CONTENDER=${name}: it is one of ${CONTENDERS.map((each) => each.name).join(', ')}`);
  return found;
}
