-- return-set: return tasks of an aggregation set to their group.
--
-- KEYS[1] aggregationSet   zset  asynq:{q}:g:<group>:<uuid>   score: time added, unix seconds
-- KEYS[2] aggregationSets  zset  asynq:{q}:aggregation_sets   keys of sets; score: deadline, unix seconds
-- KEYS[3] group            zset  asynq:{q}:g:<group>          the same scores
-- KEYS[4] groups           set   asynq:{q}:groups             names of groups
-- KEYS[5] expectedGroups   zset  asynq:{q}:expected_groups    names to be added to groups later
-- KEYS[6] newest           zset  asynq:{q}:groups_by_newest   names of groups by when their newest task joined
-- KEYS[7] oldest           zset  asynq:{q}:groups_by_oldest   names of groups by when their oldest task joined
-- ARGV[1] deadlineS  unix s; with any other value stored, the set is no longer ours
-- ARGV[2] limit      maximum number of tasks to move
-- ARGV[3] groupName
-- ARGV[4] nowS       unix s
-- REPLY   integer
-- RETURNS number of tasks moved; when it equals limit, more may be left
--         Adds the name to `groups` too. asynq 0.26 does not, so that no aggregator finds the tasks.
-- COST    O(limit x log n)
--@include expect-group
--@include group-times
--@include name-group
--@include need-type
local aggregationSet, aggregationSets, group, groups, expectedGroups = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local deadlineS, limit, groupName, nowS = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])

if redis.call('ZSCORE', aggregationSets, aggregationSet) ~= deadlineS then return 0 end

needType('zset', aggregationSet, group)
local entries = redis.call('ZRANGE', aggregationSet, 0, limit - 1, 'WITHSCORES')
for i = 1, #entries, 2 do
  redis.call('ZREM', aggregationSet, entries[i]) -- first: a full Redis allows it, and then the rest
  redis.call('ZADD', group, entries[i + 1], entries[i])
end
if #entries > 0 then
  nameGroup(groups, expectedGroups, groupName, nowS)
  local groupTimes = readGroupTimes(KEYS[6], KEYS[7])
  noteJoin(groupTimes, groupName, entries[2])
  noteJoin(groupTimes, groupName, entries[#entries])
end
if redis.call('EXISTS', aggregationSet) == 0 then redis.call('ZREM', aggregationSets, aggregationSet) end
return #entries / 2
