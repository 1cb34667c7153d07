-- recover: return tasks whose lease has expired to the head of their queue, in the order given.
--
-- KEYS[1]   active   list  asynq:{q}:active
-- KEYS[2]   lease    zset  asynq:{q}:lease     score: lease expiry, unix seconds
-- KEYS[3]   pending  list  asynq:{q}:pending   the right end is next
-- KEYS[4..] task     hash  asynq:{q}:t:<id>    one per task
-- ARGV[1]   pendingSinceNs  unix ns
-- ARGV[2..] per task: taskId, score (as read before; another score means that the lease was extended or taken over), cancelThen (as read before, or empty; a newer request is left to the next call), crashes (record to store)
-- REPLY   {integer per task}
-- RETURNS per task 1 moved
--                  0 not moved
--         asynq 0.26 retries instead, with a delay, and counts a failure of the task.
-- COST    O(tasks) when they are the oldest in active, else O(n) in it, which the tasks in hand of all servers bound
--@include leave-active
--@include need-type
local active, lease, pending = KEYS[1], KEYS[2], KEYS[3]
local pendingSinceNs = ARGV[1]
local FIRST_TASK, ARGS, FIELDS = 4, 1, 4

needType('list', active, pending)
needType('zset', lease)
local replies, left = {}, {}
for i = (#ARGV - ARGS) / FIELDS, 1, -1 do -- the last one pushed runs first
  local task, at = KEYS[FIRST_TASK + i - 1], ARGS + (i - 1) * FIELDS
  local taskId, score, cancelThen, crashes = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  if redis.call('ZSCORE', lease, taskId) == score and (redis.pcall('HGET', task, 'cancel_then') or '') == cancelThen then
    redis.call('ZREM', lease, taskId)
    left[#left + 1] = taskId
    redis.call('RPUSH', pending, taskId)
    redis.call('HSET', task, 'state', 'pending', 'pending_since', pendingSinceNs, 'crashes', crashes)
    redis.call('HDEL', task, 'cancel_then', 'progress', 'unknown_since_ms', 'alone') -- fields of the lost attempt
    replies[i] = 1
  else
    replies[i] = 0
  end
end
leaveActive(active, left)
return replies
