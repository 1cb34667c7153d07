-- requeue: give unfinished tasks back to their queue, to run next,
-- in the order given.
--
-- KEYS[1]   active   list  asynq:{q}:active
-- KEYS[2]   lease    zset  asynq:{q}:lease     score: lease expiry, unix seconds
-- KEYS[3]   pending  list  asynq:{q}:pending   the right end is next
-- KEYS[4..] task     hash  asynq:{q}:t:<id>    one per task
-- ARGV[1]   pendingSinceNs  unix ns; asynq 0.26 leaves the field out and then reports no latency
-- ARGV[2..] per task: taskId, leases (own lease scores, comma separated)
-- RETURNS per task 1 requeued
--                  0 not ours any more: lease lost or task settled; nothing written
-- COST    O(tasks) when they are the oldest in active, else O(n) in it, which the servers' concurrency bounds
--@include owns-lease
--@include leave-active
local active, lease, pending = KEYS[1], KEYS[2], KEYS[3]
local pendingSinceNs = ARGV[1]
local FIRST_TASK, ARGS, FIELDS = 4, 1, 2
local tasks = (#ARGV - ARGS) / FIELDS

local replies, left = {}, {}
for i = tasks, 1, -1 do -- what is pushed last runs first
  local task, at = KEYS[FIRST_TASK + i - 1], ARGS + (i - 1) * FIELDS
  local taskId, leases = ARGV[at + 1], ARGV[at + 2]

  if ownsLease(lease, taskId, leases) then
    redis.call('ZREM', lease, taskId)
    left[#left + 1] = taskId
    redis.call('RPUSH', pending, taskId)
    redis.call('HSET', task, 'state', 'pending', 'pending_since', pendingSinceNs)
    redis.call('HDEL', task, 'cancel_then', 'progress', 'unknown_since_ms')
    replies[i] = 1
  else
    replies[i] = 0
  end
end
leaveActive(active, left)
return replies
