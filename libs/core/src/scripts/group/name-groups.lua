-- name-groups: name groups again that have tasks and lost their name, and remember which of them may lose it yet.
--
-- KEYS[1]   groups           set   asynq:{q}:groups             names of groups
-- KEYS[2]   expectedGroups   zset  asynq:{q}:expected_groups    names of groups that tasks may join unseen; score: until when, unix seconds
-- KEYS[3]   scheduled        zset  asynq:{q}:scheduled
-- KEYS[4]   retry            zset  asynq:{q}:retry
-- KEYS[5]   aggregationSets  zset  asynq:{q}:aggregation_sets
-- KEYS[6..] group            zset  asynq:{q}:g:<group>          one per name
-- ARGV[1]   forgetUntilS  unix s; names that were expected until then, and no longer, are forgotten
-- ARGV[2]   nowS          unix s
-- ARGV[3..] per group: groupName, untilS (unix s; 0: nothing new is known of it)
-- RETURNS {how many groups were named again, how many names were forgotten}
--         Where no task is left that could join a group, no name is remembered.
--         asynq 0.26 names no group of a set that it gives back, nor of a task that it forwards, and they wait unseen.
-- COST    O(groups x log n)
--@include expect-group
local groups, expectedGroups = KEYS[1], KEYS[2]
local forgetUntilS, nowS = tonumber(ARGV[1]), tonumber(ARGV[2])
local FIRST_GROUP, ARGS, FIELDS = 6, 2, 2
local isAnyExpected = redis.call('EXISTS', KEYS[3], KEYS[4], KEYS[5]) > 0

local named, forgotten = 0, 0
for i = 1, (#ARGV - ARGS) / FIELDS do
  local group, at = KEYS[FIRST_GROUP + i - 1], ARGS + (i - 1) * FIELDS
  local groupName, untilS = ARGV[at + 1], ARGV[at + 2]
  if isAnyExpected and untilS ~= '0' then
    expectGroup(expectedGroups, groupName, untilS, nowS)
  elseif not isAnyExpected or tonumber(redis.call('ZSCORE', expectedGroups, groupName) or 0) <= forgetUntilS then
    forgotten = forgotten + redis.call('ZREM', expectedGroups, groupName)
  end
  if redis.call('EXISTS', group) == 1 then named = named + redis.call('SADD', groups, groupName) end
end
return { named, forgotten }
