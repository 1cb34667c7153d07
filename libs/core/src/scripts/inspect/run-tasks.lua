-- run-tasks: let tasks run now, wherever they wait.
--
-- KEYS[1]   source   zset  asynq:{q}:<state> or asynq:{q}:g:<group>; or the list asynq:{q}:pending
-- KEYS[2]   pending  list  asynq:{q}:pending   new ids at the left, next to run at the right
-- KEYS[3]   groups   set   asynq:{q}:groups
-- KEYS[4..] task     hash  asynq:{q}:t:<id>    one per task
-- ARGV[1]   isList          1: source is pending
-- ARGV[2]   nearTail        1: search a list from its right end
-- ARGV[3]   isUnbounded     1: search all of a list; 0: only near that end
-- ARGV[4]   atHead          1: run next; 0: run after those that wait
-- ARGV[5]   groupName       the group that source is, or empty
-- ARGV[6]   pendingSinceNs  unix ns
-- ARGV[7..] per task: taskId, stamp (of `scanIds`; empty: take it whenever it came)
-- RETURNS per task 1 moved
--                  0 not in source, or not any more; or without a message, and then removed with its stub
--                  -1 not near enough to the end of a list, or not looked for any more in this call; nothing written
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
needType('set', groups)
local replies = {}
for i = 1, (#ARGV - ARGS) / FIELDS do
  local task, at = KEYS[FIRST_TASK + i - 1], ARGS + (i - 1) * FIELDS
  local taskId, stamp = ARGV[at + 1], ARGV[at + 2]
  local isSound = hasMessage(task)
  replies[i] = take(source, isList, nearTail, isUnbounded, taskId, task, stamp)
  if replies[i] == 1 then
    if isSound then
      redis.call(atHead and 'RPUSH' or 'LPUSH', pending, taskId)
      redis.call('HSET', task, 'state', 'pending')
      if not isList then
        redis.call('HSET', task, 'pending_since', pendingSinceNs)
      elseif atHead then
        redis.call('HSET', task, 'run_next_ns', pendingSinceNs) -- it has another place now: a walk must not go on from it
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
