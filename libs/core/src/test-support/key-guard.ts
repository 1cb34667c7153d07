import type { ScriptText } from '../broker/redis/script-sender.js';
import * as scripts from '../scripts/scripts.generated.js';

/** Scripts that say so in their header: they build task keys from a prefix, all in the slot of their declared keys. */
const MAY_BUILD_KEYS = new Set(['fetch', 'fetch-next']);

/**
 * Wraps `redis.call` in every script: a key outside `KEYS`, or one with another hash tag, is an error. Redis Cluster
 * would run most such scripts by luck, as long as slots do not move; proxies refuse them.
 */
export class KeyGuard {
  private readonly ran = new Set<string>();

  /** Scripts that did not run. */
  notRun(): string[] {
    const names = Object.values(scripts).map(({ name }) => name);
    return names.filter((name) => !this.ran.has(name));
  }

  readonly prepareScript = ({ name, lua }: ScriptText): string => {
    this.ran.add(name);
    return `${guard(MAY_BUILD_KEYS.has(name))}\n${lua}`;
  };
}

/** Every command in our scripts takes its key first, except that DEL takes several and PUBLISH a channel. */
const guard = (mayBuildKeys: boolean): string => `
local redis = (function(real)
  local declared, tag = {}, nil
  for _, key in ipairs(KEYS) do
    local own = string.match(key, '{(.-)}')
    if not own or own == '' then error('key without a hash tag: ' .. key) end
    if tag and own ~= tag then error('keys of two slots: ' .. key) end
    declared[key], tag = true, own
  end
  local function check(command, ...)
    if string.upper(command) == 'PUBLISH' then return end
    for at, key in ipairs({ ... }) do
      if at > 1 and string.upper(command) ~= 'DEL' then return end
      local sameSlot = string.match(key, '{(.-)}') == tag
      if not declared[key] and not (${mayBuildKeys} and sameSlot) then error('undeclared key: ' .. key) end
    end
  end
  return {
    call = function(...) check(...) return real.call(...) end,
    pcall = function(...) check(...) return real.pcall(...) end,
  }
end)(redis)`;
