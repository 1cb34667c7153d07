-- run-tasks: run waiting tasks now.
--
-- KEYS[1]   source   zset  asynq:{q}:<state> or asynq:{q}:g:<group>; or the list asynq:{q}:pending
-- KEYS[2]   pending  list  asynq:{q}:pending   new ids at the left, next to run at the right
-- KEYS[3]   groups   set   asynq:{q}:groups
-- KEYS[4..] task     hash  asynq:{q}:t:<id>    one per task
-- ARGV[1]   isList          1: source is pending
-- ARGV[2]   nearTail        1: search a list from its right end
-- ARGV[3]   isUnbounded     1: search all of a list; 0: only near that end
-- ARGV[4]   atHead          1: run next; 0: run after all pending tasks
-- ARGV[5]   groupName       name of the group when source is one, or empty
-- ARGV[6]   pendingSinceNs  unix ns
-- ARGV[7..] per task: taskId, stamp (from `scanIds`; empty: take it in any case)
-- REPLY   {integer per task}
-- RETURNS per task 1 moved
--                  0 not in source, or its stamp has changed; or without a message, and then removed with its stub
--                  -1 too far from the end of a list, or the search budget of this call is spent; nothing written
--         asynq 0.26 leaves `pending_since` out, and the latency reads 0.
-- COST    O(tasks x log n), in a list 100,000 entries walked at most; with isUnbounded O(tasks x distance from the end)
--@include has-message
--@include take
--@include forget-empty-group
--@include need-type
local source, pending, groups = KEYS[1], KEYS[2], KEYS[3]
local isList, nearTail, isUnbounded, atHead = ARGV[1] == '1', ARGV[2] == '1', ARGV[3] == '1', ARGV[4] == '1'
local groupName, pendingSinceNs = ARGV[5], ARGV[6]
local FIRST_TASK, ARGS, FIELDS = 4, 6, 2

needType('list', pending)
needType(isList and 'list' or 'zset', source)
local replies = {}
for i = 1, (#ARGV - ARGS) / FIELDS do
  local task, at = KEYS[FIRST_TASK + i - 1], ARGS + (i - 1) * FIELDS
  local taskId, stamp = ARGV[at + 1], ARGV[at + 2]
  local isSound = hasMessage(task)
  replies[i] = take(source, isList, nearTail, isUnbounded, taskId, task, stamp)
  if replies[i] == 1 then
    if isSound then
      if atHead then redis.call('RPUSH', pending, taskId) else redis.call('LPUSH', pending, taskId) end
      redis.call('HSET', task, 'state', 'pending')
      if not isList then
        redis.call('HSET', task, 'pending_since', pendingSinceNs)
      elseif atHead then
        redis.call('HSET', task, 'run_next_ns', pendingSinceNs) -- it has moved: a scan must not resume at it
      end
      redis.call('HDEL', task, 'due_at_ms', 'crashes')
    else
      deleteStub(task)
      replies[i] = 0
    end
  end
end
forgetEmptyGroup(groups, source, groupName)
return replies
