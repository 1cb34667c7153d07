-- name-groups: name groups again that have tasks and lost their name, and remember which of them may lose it yet.
--
-- KEYS[1]   groups          set   asynq:{q}:groups            names of groups
-- KEYS[2]   expectedGroups  zset  asynq:{q}:expected_groups   names of groups that tasks may join unseen; score: until when, unix seconds
-- KEYS[3..] group           zset  asynq:{q}:g:<group>         one per name
-- ARGV[1]   forgetUntilS  unix s; names that were expected until then, and no longer, are forgotten
-- ARGV[2..] per group: groupName, untilS (unix s; 0: nothing new is known of it)
-- RETURNS how many groups were named again
--         asynq 0.26 names no group of a set that it gives back, nor of a task that it forwards, and they wait unseen.
-- COST    O(groups x log n)
local groups, expectedGroups = KEYS[1], KEYS[2]
local forgetUntilS = tonumber(ARGV[1])
local FIRST_GROUP, ARGS, FIELDS = 3, 1, 2

local named = 0
for i = 1, (#ARGV - ARGS) / FIELDS do
  local group, at = KEYS[FIRST_GROUP + i - 1], ARGS + (i - 1) * FIELDS
  local groupName, untilS = ARGV[at + 1], ARGV[at + 2]
  if untilS ~= '0' then
    redis.call('ZADD', expectedGroups, 'GT', untilS, groupName)
  elseif tonumber(redis.call('ZSCORE', expectedGroups, groupName) or 0) <= forgetUntilS then
    redis.call('ZREM', expectedGroups, groupName)
  end
  if redis.call('EXISTS', group) == 1 then named = named + redis.call('SADD', groups, groupName) end
end
return named
