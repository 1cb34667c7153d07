-- delete-tasks: delete tasks that wait or have ended, and release their locks.
--
-- KEYS[1]   source   zset    asynq:{q}:<state> or asynq:{q}:g:<group>; or the list asynq:{q}:pending
-- KEYS[2]   groups   set     asynq:{q}:groups
-- KEYS[3]   awaited  zset    asynq:{q}:awaited               score: until when somebody waits, unix seconds
-- KEYS[4..] task     hash    asynq:{q}:t:<id>                one per task
-- KEYS[..]  lock     string  asynq:{q}:unique:<type>:<md5>   one per task with hasLock, in their order
-- ARGV[1]   isList        1: source is pending
-- ARGV[2]   nearTail      1: search a list from its right end
-- ARGV[3]   groupName     the group that source is, or empty
-- ARGV[4]   endedChannel  hears of tasks in `awaited`
-- ARGV[5..] per task: taskId, hasLock (1 or 0)
-- RETURNS per task 1 deleted
--                  0 not in source; nothing written
--         asynq 0.26 keeps the locks when it deletes all pending tasks or all of a group.
-- COST    O(tasks x log n), in a list O(tasks x distance from the end)
--@include take
--@include forget-empty-group
--@include locks-from
--@include unlock
--@include tell-waiters
local source, groups, awaited = KEYS[1], KEYS[2], KEYS[3]
local isList, nearTail, groupName, endedChannel = ARGV[1] == '1', ARGV[2] == '1', ARGV[3], ARGV[4]
local FIRST_TASK, ARGS, FIELDS = 4, 4, 2
local tasks = (#ARGV - ARGS) / FIELDS
local nextLock = locksFrom(FIRST_TASK + tasks)
local isAnyAwaited = redis.call('EXISTS', awaited) == 1

local replies = {}
for i = 1, tasks do
  local task, at = KEYS[FIRST_TASK + i - 1], ARGS + (i - 1) * FIELDS
  local taskId, hasLock = ARGV[at + 1], ARGV[at + 2] == '1'
  local lock = nextLock(hasLock)

  replies[i] = 0
  if take(source, isList, nearTail, taskId) then
    redis.call('DEL', task)
    unlock(lock, taskId)
    if isAnyAwaited then tellWaiters(awaited, endedChannel, 'removed', taskId) end
    replies[i] = 1
  end
end
forgetEmptyGroup(groups, source, groupName)
return replies
