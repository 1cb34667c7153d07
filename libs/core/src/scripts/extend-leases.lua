-- extend-leases: extend the leases of running tasks, and return their cancel requests.
--
-- KEYS[1]   lease  zset  asynq:{q}:lease   score: lease expiry, unix seconds
-- KEYS[2..] task   hash  asynq:{q}:t:<id>  one per task
-- ARGV[1]   expiresAtS  unix s
-- ARGV[2..] per task: taskId, leases (own lease scores, comma separated)
-- REPLY   {{text...}, {(text, text)...}}
-- RETURNS {ids of tasks that are no longer ours, untouched; then taskId and cancel_then of each task with a cancel request}
-- COST    O(tasks x log n)
--@include allow-writes
--@include owns-lease
local lease, expiresAtS = KEYS[1], ARGV[1]
local lost, requests = {}, {}
allowWrites(lease)
for at = 2, #ARGV, 2 do
  local task, taskId, leases = KEYS[1 + at / 2], ARGV[at], ARGV[at + 1]
  if ownsLease(lease, taskId, leases) then
    redis.call('ZADD', lease, 'XX', expiresAtS, taskId)
    local cancelThen = redis.pcall('HGET', task, 'cancel_then')
    if type(cancelThen) == 'string' then
      requests[#requests + 1] = taskId
      requests[#requests + 1] = cancelThen
    end
  else
    lost[#lost + 1] = taskId
  end
end
return { lost, requests }
