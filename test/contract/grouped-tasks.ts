import type { TestQueue } from '@nestjs-asynq/core/testing';

type Broker = TestQueue['broker'];
type NewTask = Parameters<Broker['enqueue']>[0][number];
type Limits = Parameters<Broker['takeRipe']>[2];
export type AggregationSet = NonNullable<Awaited<ReturnType<Broker['takeRipe']>>>;

export const MINUTE: Limits = { gracePeriodS: 60, maxDelayS: 0, maxSize: 0 };

export const member = (q: TestQueue, id: string, group = 'digest'): NewTask => ({
  message: q.message(id, { groupKey: group }),
});

export const lockOf = (q: TestQueue, name: string): string => `asynq:{${q.name}}:unique:test:task:${name}`;

export const idsOf = (set: AggregationSet | undefined): string[] | undefined => set?.tasks.map(({ id }) => id);

/** Tasks of one group, a second apart. */
export async function fill(q: TestQueue, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    await q.broker.enqueue([member(q, id)]);
    await q.clock.advance('1s');
  }
}

export async function takeAll(q: TestQueue): Promise<AggregationSet> {
  await q.clock.advance('60s');
  const set = await q.broker.takeRipe(q.name, 'digest', MINUTE);
  if (!set) throw new Error('the group is not ripe');
  return set;
}
