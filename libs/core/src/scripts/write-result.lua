-- write-result: store a handler's result with its running task.
--
-- KEYS[1] lease  zset  asynq:{q}:lease    score: lease expiry, unix seconds
-- KEYS[2] task   hash  asynq:{q}:t:<id>
-- ARGV[1] taskId
-- ARGV[2] leases  own lease scores, comma separated
-- ARGV[3] result  bytes
-- REPLY   integer
-- RETURNS 1 stored
--         0 no longer ours, or not active; nothing written (asynq 0.26 leaves a stub hash behind)
-- COST    O(log n)
--@include allow-writes
--@include owns-lease
local lease, task = KEYS[1], KEYS[2]
local taskId, leases, result = ARGV[1], ARGV[2], ARGV[3]

if not ownsLease(lease, taskId, leases) or redis.pcall('HGET', task, 'state') ~= 'active' then return 0 end

allowWrites(lease)
redis.call('HSET', task, 'result', result)
return 1
