-- name-groups: restore the names of groups that have tasks, and remember which groups may lose theirs.
--
-- KEYS[1]   groups           set   asynq:{q}:groups             names of groups
-- KEYS[2]   expectedGroups   zset  asynq:{q}:expected_groups    names of groups that Go may add tasks to without naming them; score: until when, unix seconds
-- KEYS[3]   scheduled        zset  asynq:{q}:scheduled
-- KEYS[4]   retry            zset  asynq:{q}:retry
-- KEYS[5]   aggregationSets  zset  asynq:{q}:aggregation_sets
-- KEYS[6..] group            zset  asynq:{q}:g:<group>          one per name
-- ARGV[1]   forgetUntilS  unix s; names expected until then at the latest are forgotten
-- ARGV[2]   nowS          unix s
-- ARGV[3..] per group: groupName, untilS (unix s; 0: unchanged)
-- REPLY   {integer, integer}
-- RETURNS {number of names restored, number of names forgotten}
--         Remembers no name when no task is left that could join a group.
--         asynq 0.26 does not name the group of a set that it returns or a task that it forwards: no aggregator finds it.
-- COST    O(groups x log n)
--@include allow-writes
--@include expect-group
local groups, expectedGroups = KEYS[1], KEYS[2]
local forgetUntilS, nowS = tonumber(ARGV[1]), tonumber(ARGV[2])
local FIRST_GROUP, ARGS, FIELDS = 6, 2, 2
local isAnyExpected = redis.call('EXISTS', KEYS[3], KEYS[4], KEYS[5]) > 0

allowWrites(KEYS[5])
local named, forgotten = 0, 0
for i = 1, (#ARGV - ARGS) / FIELDS do
  local group, at = KEYS[FIRST_GROUP + i - 1], ARGS + (i - 1) * FIELDS
  local groupName, untilS = ARGV[at + 1], ARGV[at + 2]
  local added = redis.call('EXISTS', group) == 1 and redis.pcall('SADD', groups, groupName) or 0
  local isUnnamed = type(added) ~= 'number' -- `groups` is of another type
  if isUnnamed or (isAnyExpected and untilS ~= '0') then
    expectGroup(expectedGroups, groupName, math.max(tonumber(untilS), isUnnamed and nowS or 0), nowS)
  else
    local expectedUntilS = redis.pcall('ZSCORE', expectedGroups, groupName)
    if not isAnyExpected or type(expectedUntilS) ~= 'string' or tonumber(expectedUntilS) <= forgetUntilS then
      local removed = redis.pcall('ZREM', expectedGroups, groupName) -- a hint: a key of another type stops nothing
      if type(removed) == 'number' then forgotten = forgotten + removed end
    end
  end
  if not isUnnamed then named = named + added end
end
return { named, forgotten }
