-- reschedule-task: change the time at which a task runs.
--
-- KEYS[1] source          zset  asynq:{q}:<state> or asynq:{q}:g:<group>; or the list asynq:{q}:pending
-- KEYS[2] target          zset  asynq:{q}:scheduled or asynq:{q}:retry   score: due time, unix seconds
-- KEYS[3] groups          set   asynq:{q}:groups
-- KEYS[4] expectedGroups  zset  asynq:{q}:expected_groups                names of groups that tasks will join; score: until when, unix seconds
-- KEYS[5] rescheduled     set   asynq:{q}:rescheduled                    ids whose due time has just changed
-- KEYS[6] task            hash  asynq:{q}:t:<id>
-- ARGV[1] isList        1: source is pending
-- ARGV[2] nearTail      1: search a list from its right end
-- ARGV[3] isUnbounded   1: search all of a list; 0: only near that end
-- ARGV[4] sourceGroup   name of the group when source is one, or empty
-- ARGV[5] targetState   scheduled or retry
-- ARGV[6] taskId
-- ARGV[7] processAtS    unix s, rounded up
-- ARGV[8] dueAtMs       unix ms
-- ARGV[9] nudgeChannel  notified when the task is due before all that wait
-- ARGV[10] nowS         unix s
-- REPLY   integer
-- RETURNS 1 moved
--         0 not in source, or without a message; nothing written
--         -1 too far from the end of a list; nothing written
--         Expects the group of the task: Go's forwarder puts the task into its group and adds no name.
-- COST    O(log n), in a list 100,000 entries walked at most; with isUnbounded O(distance from the end)
--@include has-message
--@include take
--@include forget-empty-group
--@include expect-group
--@include need-type
local source, target, groups, expectedGroups, rescheduled, task = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local isList, nearTail, isUnbounded = ARGV[1] == '1', ARGV[2] == '1', ARGV[3] == '1'
local sourceGroup, targetState, taskId = ARGV[4], ARGV[5], ARGV[6]
local processAtS, dueAtMs, nudgeChannel, nowS = ARGV[7], ARGV[8], ARGV[9], tonumber(ARGV[10])

if not hasMessage(task) then return 0 end
local groupName = redis.call('HGET', task, 'group')
needType('zset', target)
needType(isList and 'list' or 'zset', source)
local taken = take(source, isList, nearTail, isUnbounded, taskId, task, '')
if taken ~= 1 then return taken end

local first = tonumber(redis.call('ZRANGE', target, 0, 0, 'WITHSCORES')[2])
redis.call('ZADD', target, processAtS, taskId)
redis.call('HSET', task, 'state', targetState, 'due_at_ms', dueAtMs)
redis.call('HDEL', task, 'pending_since')
forgetEmptyGroup(groups, source, sourceGroup)
if groupName and groupName ~= '' then expectGroup(expectedGroups, groupName, processAtS, nowS) end
-- A forwarder may have read the due times of these seconds already, and the score may be the same as before.
if tonumber(processAtS) <= nowS + 3 then
  redis.pcall('SADD', rescheduled, taskId) -- of another type, forwarders read all due times again
  redis.call('EXPIRE', rescheduled, 5)
end
if not first or tonumber(processAtS) <= first then redis.pcall('PUBLISH', nudgeChannel, '') end
return 1
