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
  scripts.returnUnanswered,
  scripts.extendLeases,
  scripts.done,
  scripts.complete,
  scripts.retry,
  scripts.archive,
  scripts.requeue,
  scripts.dueTimes,
  scripts.forward,
  scripts.forwardToGroup,
  scripts.nameGroups,
  scripts.recover,
  scripts.addLeases,
  scripts.dropOrphans,
  scripts.quarantine,
  scripts.deleteCompleted,
  scripts.trimArchived,
  scripts.takeDuty,
  scripts.dropDuty,
  scripts.wakeIdle,
  scripts.writePresence,
  scripts.writeResult,
  scripts.writeProgress,
  scripts.writeAlone,
];

/** Commands that a server sends without a script. */
const DIRECT =
  'del,exists,get,hexists,hget,hmget,llen,lrange,pexpire,sadd,setex,srandmember,sscan,' +
  'zadd,zcard,zcount,zrange,zrangebyscore,zrem,zscore';

const ALL_KEYS = '~asynq:*';

/** Every required command; optional ones are not listed. */
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
    const pending = keys.pending(queue);
    const reply = (await redis.run(scripts.checkRights, { pending }, { commands: NEEDED.join(',') })) as
      Buffer[] | null;
    // It may have run by EVALSHA alone, which needs no right to EVAL while the script is known.
    if (reply === null) await redis.command('EVAL', (client) => client.eval('return 1', 1, pending));
    const refused = (reply ?? []).map(String);
    return refused.length >= NEEDED.length ? [ALL_KEYS] : refused.map((command) => `+${command}`);
  } catch (error) {
    if (!(error instanceof RedisCommandError) || !isRefusal(error.cause)) throw error;
    const [, command] = /'([^']+)' command/.exec(textOf(error.cause)) ?? [];
    return [command === undefined ? ALL_KEYS : `+${command.toLowerCase()}`];
  }
}
