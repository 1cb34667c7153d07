-- delete-tasks: delete waiting or ended tasks, and release their locks.
--
-- KEYS[1]   source   zset    asynq:{q}:<state> or asynq:{q}:g:<group>; or the list asynq:{q}:pending
-- KEYS[2]   groups   set     asynq:{q}:groups
-- KEYS[3]   awaited  zset    asynq:{q}:awaited               score: when the wait expires, unix seconds
-- KEYS[4..] task     hash    asynq:{q}:t:<id>                one per task
-- KEYS[..]  lock     string  asynq:{q}:unique:<type>:<md5>   one per task with hasLock, in their order
-- ARGV[1]   isList        1: source is pending
-- ARGV[2]   nearTail      1: search a list from its right end
-- ARGV[3]   isUnbounded   1: search all of a list; 0: only near that end
-- ARGV[4]   groupName     name of the group when source is one, or empty
-- ARGV[5]   endedChannel  receives the end of each task in `awaited`
-- ARGV[6..] per task: taskId, stamp (from `scanIds`; empty: take it in any case), hasLock (1 or 0)
-- REPLY   {integer per task}
-- RETURNS per task 1 deleted
--                  0 not in source, or its stamp has changed; nothing written
--                  -1 too far from the end of a list, or the search budget of this call is spent; nothing written
--         asynq 0.26 keeps the locks when it deletes all pending tasks or all of a group.
-- COST    O(tasks x log n), in a list 100,000 entries walked at most; with isUnbounded O(tasks x distance from the end)
--@include take
--@include forget-empty-group
--@include keys-from
--@include unlock
--@include notify-waiters
--@include need-type
local source, groups, awaited = KEYS[1], KEYS[2], KEYS[3]
local isList, nearTail, isUnbounded = ARGV[1] == '1', ARGV[2] == '1', ARGV[3] == '1'
local groupName, endedChannel = ARGV[4], ARGV[5]
local FIRST_TASK, ARGS, FIELDS = 4, 5, 3
local tasks = (#ARGV - ARGS) / FIELDS
local nextLock = keysFrom(FIRST_TASK + tasks)
local isAnyAwaited = redis.call('EXISTS', awaited) == 1

needType(isList and 'list' or 'zset', source)
local replies = {}
for i = 1, tasks do
  local task, at = KEYS[FIRST_TASK + i - 1], ARGS + (i - 1) * FIELDS
  local taskId, stamp, hasLock = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3] == '1'
  local lock = nextLock(hasLock)

  replies[i] = take(source, isList, nearTail, isUnbounded, taskId, task, stamp)
  if replies[i] == 1 then
    redis.call('DEL', task)
    unlock(lock, taskId)
    if isAnyAwaited then notifyWaiters(awaited, endedChannel, 'removed', taskId) end
  end
end
forgetEmptyGroup(groups, source, groupName)
return replies
