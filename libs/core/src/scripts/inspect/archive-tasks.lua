-- archive-tasks: archive waiting tasks.
--
-- KEYS[1]   source    zset  asynq:{q}:<state> or asynq:{q}:g:<group>; or the list asynq:{q}:pending
-- KEYS[2]   archived  zset  asynq:{q}:archived   score: archived-at, unix seconds
-- KEYS[3]   groups    set   asynq:{q}:groups
-- KEYS[4]   awaited   zset  asynq:{q}:awaited    score: when the wait expires, unix seconds
-- KEYS[5..] task      hash  asynq:{q}:t:<id>     one per task
-- ARGV[1]   isList        1: source is pending
-- ARGV[2]   nearTail      1: search a list from its right end
-- ARGV[3]   isUnbounded   1: search all of a list; 0: only near that end
-- ARGV[4]   groupName     name of the group when source is one, or empty
-- ARGV[5]   archivedAtS   unix s
-- ARGV[6]   endedChannel  receives the end of each task in `awaited`
-- ARGV[7..] per task: taskId, stamp (from `scanIds`; empty: take it in any case)
-- REPLY   {integer per task}
-- RETURNS per task 1 archived
--                  0 not in source, or its stamp has changed; or without a message, and then removed with its stub
--                  -1 too far from the end of a list, or the search budget of this call is spent; nothing written
--         Does not trim: the janitor does that, hashes and locks included. asynq 0.26 trims here and leaves both behind.
-- COST    O(tasks x log n), in a list 100,000 entries walked at most; with isUnbounded O(tasks x distance from the end)
--@include has-message
--@include take
--@include forget-empty-group
--@include notify-waiters
--@include need-type
local source, archived, groups, awaited = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local isList, nearTail, isUnbounded = ARGV[1] == '1', ARGV[2] == '1', ARGV[3] == '1'
local groupName, archivedAtS = ARGV[4], ARGV[5]
local endedChannel = ARGV[6]
local FIRST_TASK, ARGS, FIELDS = 5, 6, 2
local isAnyAwaited = redis.call('EXISTS', awaited) == 1

needType('zset', archived)
needType(isList and 'list' or 'zset', source)
local replies = {}
for i = 1, (#ARGV - ARGS) / FIELDS do
  local task, at = KEYS[FIRST_TASK + i - 1], ARGS + (i - 1) * FIELDS
  local taskId, stamp = ARGV[at + 1], ARGV[at + 2]
  local isSound = hasMessage(task)
  replies[i] = take(source, isList, nearTail, isUnbounded, taskId, task, stamp)
  if replies[i] == 1 then
    if isSound then
      redis.call('ZADD', archived, archivedAtS, taskId)
      redis.call('HSET', task, 'state', 'archived')
      redis.call('HDEL', task, 'due_at_ms')
      if isAnyAwaited then notifyWaiters(awaited, endedChannel, 'archived', taskId) end
    else
      deleteStub(task)
      replies[i] = 0
    end
  end
end
forgetEmptyGroup(groups, source, groupName)
return replies
