-- archive-tasks: put tasks aside that wait somewhere.
--
-- KEYS[1]   source    zset  asynq:{q}:<state> or asynq:{q}:g:<group>; or the list asynq:{q}:pending
-- KEYS[2]   archived  zset  asynq:{q}:archived   score: archived-at, unix seconds
-- KEYS[3]   groups    set   asynq:{q}:groups
-- KEYS[4]   awaited   zset  asynq:{q}:awaited    score: until when somebody waits, unix seconds
-- KEYS[5..] task      hash  asynq:{q}:t:<id>     one per task
-- ARGV[1]   isList        1: source is pending
-- ARGV[2]   nearTail      1: search a list from its right end
-- ARGV[3]   groupName     the group that source is, or empty
-- ARGV[4]   archivedAtS   unix s
-- ARGV[5]   endedChannel  hears of tasks in `awaited`
-- ARGV[6..] per task: taskId
-- RETURNS per task 1 archived
--                  0 not in source; or without a message, and then removed with its stub
--         Does not trim: the janitor does, with hashes and locks. asynq 0.26 trims here and leaves both behind.
-- COST    O(tasks x log n), in a list O(tasks x distance from the end)
--@include take
--@include forget-empty-group
--@include tell-waiters
local source, archived, groups, awaited = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local isList, nearTail, groupName, archivedAtS = ARGV[1] == '1', ARGV[2] == '1', ARGV[3], ARGV[4]
local endedChannel = ARGV[5]
local FIRST_TASK, ARGS = 5, 5
local isAnyAwaited = redis.call('EXISTS', awaited) == 1

local replies = {}
for i = 1, #ARGV - ARGS do
  local task, taskId = KEYS[FIRST_TASK + i - 1], ARGV[ARGS + i]
  local hasMessage = redis.call('HEXISTS', task, 'msg') == 1
  replies[i] = 0
  if take(source, isList, nearTail, taskId) then
    if hasMessage then
      redis.call('ZADD', archived, archivedAtS, taskId)
      redis.call('HSET', task, 'state', 'archived')
      redis.call('HDEL', task, 'due_at_ms')
      if isAnyAwaited then tellWaiters(awaited, endedChannel, 'archived', taskId) end
      replies[i] = 1
    else
      redis.call('DEL', task)
    end
  end
end
forgetEmptyGroup(groups, source, groupName)
return replies
