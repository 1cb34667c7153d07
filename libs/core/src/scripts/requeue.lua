-- requeue: return unfinished tasks to the head of their queue, in the order given.
--
-- KEYS[1]   active   list  asynq:{q}:active
-- KEYS[2]   lease    zset  asynq:{q}:lease     score: lease expiry, unix seconds
-- KEYS[3]   pending  list  asynq:{q}:pending   the right end is next
-- KEYS[4..] task     hash  asynq:{q}:t:<id>    one per task
-- ARGV[1]   pendingSinceNs  unix ns; asynq 0.26 leaves the field out and then reports no latency
-- ARGV[2..] per task: taskId, leases (own lease scores, comma separated)
-- REPLY   {integer per task}
-- RETURNS per task 1 requeued
--                  0 no longer ours: lease lost or task settled; nothing written
--                  2, 3, 4 to be canceled: the task is still ours, with a request to retry, archive or delete it; nothing written
-- COST    O(tasks) when they are the oldest in active, else O(n) in it, which the tasks in hand of all servers bound
--@include owns-lease
--@include leave-active
--@include settle
--@include need-type
local active, lease, pending = KEYS[1], KEYS[2], KEYS[3]
local pendingSinceNs = ARGV[1]
local FIRST_TASK, ARGS, FIELDS = 4, 1, 2
local CANCELED = { retry = 2, archive = 3, delete = 4 }
local requeued = {}

needType('list', active, pending)
needType('zset', lease)
local function canceled(task)
  local request = redis.pcall('HGET', task, 'cancel_then')
  return type(request) == 'string' and CANCELED[string.match(request, '^%S+')]
end
local replies = settle(active, lease, FIRST_TASK, ARGS, FIELDS, function(task, taskId)
  if not store(task, 'state', 'pending', 'pending_since', pendingSinceNs) then return false end
  redis.call('HDEL', task, 'cancel_then', 'progress', 'alone')
  requeued[#requeued + 1] = taskId
end, nil, canceled)
for i = #requeued, 1, -1 do redis.call('RPUSH', pending, requeued[i]) end -- the last one pushed runs first
return replies
