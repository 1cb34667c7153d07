import { RedisCommandError } from '../../errors/redis-command.error.js';
import type { Script, ScriptArgs, ScriptKeys } from '../../scripts/script.js';
import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { isRefusal, textOf } from './redis-failure.js';
import type { RedisLink } from './redis-link.js';

/** Scripts that a server runs; the others are for clients, inspectors and schedulers. */
const SCRIPTS: readonly Script<ScriptKeys, ScriptArgs, ScriptArgs>[] = [
  scripts.fetch,
  scripts.load,
  scripts.extendLeases,
  scripts.done,
  scripts.complete,
  scripts.retry,
  scripts.archive,
  scripts.requeue,
  scripts.forward,
  scripts.recover,
  scripts.addLeases,
  scripts.dropOrphans,
  scripts.quarantine,
  scripts.deleteCompleted,
  scripts.trimArchived,
  scripts.dropDuty,
  scripts.wakeIdle,
  scripts.writePresence,
  scripts.writeResult,
  scripts.writeProgress,
];

/** Commands that a server sends without a script. */
const DIRECT =
  'del,exists,get,hexists,hget,hmget,llen,lrange,pexpire,sadd,set,setex,zadd,zcard,zcount,zrange,zrangebyscore,zrem';

const ALL_KEYS = '~asynq:*';

/** Every command of ours that is no mere help. */
const NEEDED = [
  ...new Set([
    ...DIRECT.split(','),
    ...SCRIPTS.flatMap(({ lua }) =>
      [...lua.matchAll(/redis\.call\('(\w+)'/g)].map(([, name = '']) => name.toLowerCase()),
    ),
  ]),
].toSorted();

/** See `HealthOps.missingRights`. */
export async function missingRights(redis: RedisLink, queue: string): Promise<readonly string[]> {
  try {
    await redis.connectNow();
    const reply = await redis.run(
      scripts.checkRights,
      { pending: keys.pending(queue) },
      { commands: NEEDED.join(',') },
    );
    const refused = (reply as Buffer[]).map(String);
    return refused.length >= NEEDED.length ? [ALL_KEYS] : refused.map((command) => `+${command}`);
  } catch (error) {
    if (!(error instanceof RedisCommandError) || !isRefusal(error.cause)) throw error;
    const [, command] = /'([^']+)' command/.exec(textOf(error.cause)) ?? [];
    return [command === undefined ? ALL_KEYS : `+${command.toLowerCase()}`];
  }
}
