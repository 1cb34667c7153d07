-- return-set: give tasks of an aggregation set back to their group.
--
-- KEYS[1] aggregationSet   zset  asynq:{q}:g:<group>:<uuid>   score: time added, unix seconds
-- KEYS[2] aggregationSets  zset  asynq:{q}:aggregation_sets   keys of sets; score: deadline, unix seconds
-- KEYS[3] group            zset  asynq:{q}:g:<group>          the same scores
-- KEYS[4] groups           set   asynq:{q}:groups             names of groups
-- ARGV[1] deadlineS  unix s; another one, and the set is somebody else's by now
-- ARGV[2] limit      most tasks to move
-- ARGV[3] groupName
-- RETURNS how many were moved; as many as limit, and there may be more
--         Adds the name to `groups` too. asynq 0.26 does not, and the tasks wait unseen.
-- COST    O(limit x log n)
--@include need-type
local aggregationSet, aggregationSets, group, groups = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local deadlineS, limit, groupName = ARGV[1], tonumber(ARGV[2]), ARGV[3]

if redis.call('ZSCORE', aggregationSets, aggregationSet) ~= deadlineS then return 0 end

needType('zset', group)
needType('set', groups)
local entries = redis.call('ZRANGE', aggregationSet, 0, limit - 1, 'WITHSCORES')
for i = 1, #entries, 2 do
  redis.call('ZADD', group, entries[i + 1], entries[i])
  redis.call('ZREM', aggregationSet, entries[i])
end
if #entries > 0 then redis.call('SADD', groups, groupName) end
if redis.call('EXISTS', aggregationSet) == 0 then redis.call('ZREM', aggregationSets, aggregationSet) end
return #entries / 2
