import { type Figure, ON_REDIS } from './figure.js';

const TASKS = 100_000;

export const memory: Figure = {
  name: 'redis-memory',
  title: 'Memory of a pending task in Redis',
  how: `By the growth of \`used_memory\` over ${TASKS.toLocaleString('en')} tasks.`,
  contenders: ON_REDIS,
  measures: [{ key: 'bytes', title: 'bytes per task', better: 'less' }],
  async measure(turn) {
    const count = turn.scaled(TASKS, 1_000);
    const before = await turn.redis.usedBytes();
    await turn.preload({ count });
    return { bytes: ((await turn.redis.usedBytes()) - before) / count };
  },
};
