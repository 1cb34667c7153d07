import type { TestQueue } from '../support/test-queue.js';

type Broker = TestQueue['broker'];
type NewTask = Parameters<Broker['enqueue']>[0][number];
type Limits = Parameters<Broker['takeRipe']>[2];
type GroupPage = Awaited<ReturnType<Broker['waitingGroups']>>;
type WaitingGroup = GroupPage['groups'][number];
export type AggregationSet = NonNullable<Awaited<ReturnType<Broker['takeRipe']>>>;

export const MINUTE: Limits = { gracePeriodS: 60, maxDelayS: 0, maxSize: 0 };

export const member = (q: TestQueue, id: string, group = 'digest'): NewTask => ({
  message: q.message(id, { groupKey: group }),
});

export const lockOf = (q: TestQueue, name: string): string => `asynq:{${q.name}}:unique:test:task:${name}`;

export const idsOf = (set: AggregationSet | undefined): string[] | undefined => set?.tasks.map(({ id }) => id);

/** All groups with waiting tasks, by name. */
export async function allGroups(broker: Broker, queue: string): Promise<WaitingGroup[]> {
  const groups: WaitingGroup[] = [];
  let position: string | undefined;
  do {
    const page: GroupPage = await broker.waitingGroups(queue, position);
    groups.push(...page.groups);
    position = page.next;
  } while (position !== undefined);
  return groups.sort((a, b) => (a.name < b.name ? -1 : 1));
}

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
