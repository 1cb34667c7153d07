-- reschedule-task: let a task run at another time.
--
-- KEYS[1] source          zset  asynq:{q}:<state> or asynq:{q}:g:<group>; or the list asynq:{q}:pending
-- KEYS[2] target          zset  asynq:{q}:scheduled or asynq:{q}:retry   score: due time, unix seconds
-- KEYS[3] groups          set   asynq:{q}:groups
-- KEYS[4] expectedGroups  zset  asynq:{q}:expected_groups                names of groups that tasks will join; score: until when, unix seconds
-- KEYS[5] task            hash  asynq:{q}:t:<id>
-- ARGV[1] isList        1: source is pending
-- ARGV[2] targetState   scheduled or retry
-- ARGV[3] taskId
-- ARGV[4] processAtS    unix s, rounded up
-- ARGV[5] dueAtMs       unix ms
-- ARGV[6] nudgeChannel  told when the task goes ahead of all that wait
-- RETURNS 1 moved
--         0 not in source, or without a message; nothing written
--         Names the group of a task: a forwarder of Go puts the task into its group and adds no name.
-- COST    O(log n), in a list O(distance from the right end)
--@include take
local source, target, groups, expectedGroups, task = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local isList, targetState, taskId = ARGV[1] == '1', ARGV[2], ARGV[3]
local processAtS, dueAtMs, nudgeChannel = ARGV[4], ARGV[5], ARGV[6]

if redis.call('HEXISTS', task, 'msg') == 0 then return 0 end
local groupName = redis.call('HGET', task, 'group')
if not take(source, isList, true, taskId) then return 0 end

local first = tonumber(redis.call('ZRANGE', target, 0, 0, 'WITHSCORES')[2])
redis.call('ZADD', target, processAtS, taskId)
redis.call('HSET', task, 'state', targetState, 'due_at_ms', dueAtMs)
redis.call('HDEL', task, 'pending_since')
if groupName and groupName ~= '' then
  redis.call('SADD', groups, groupName)
  redis.call('ZADD', expectedGroups, 'GT', processAtS, groupName)
end
if not first or tonumber(processAtS) <= first then redis.pcall('PUBLISH', nudgeChannel, '') end
return 1
