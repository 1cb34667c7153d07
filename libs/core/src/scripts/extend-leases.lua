-- extend-leases: keep tasks for longer.
--
-- KEYS[1]   lease  zset  asynq:{q}:lease   score: lease expiry, unix seconds
-- ARGV[1]   expiresAtS  unix s
-- ARGV[2..] per task: taskId, leases (own lease scores, comma separated)
-- RETURNS ids of tasks that are not ours any more; untouched
-- COST    O(tasks x log n)
--@include owns-lease
local lease, expiresAtS = KEYS[1], ARGV[1]
local lost = {}
for at = 2, #ARGV, 2 do
  local taskId, leases = ARGV[at], ARGV[at + 1]
  if ownsLease(lease, taskId, leases) then
    redis.call('ZADD', lease, 'XX', expiresAtS, taskId)
  else
    lost[#lost + 1] = taskId
  end
end
return lost
