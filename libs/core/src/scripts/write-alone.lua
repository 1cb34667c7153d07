-- write-alone: record whether a running task is alone on its server.
--
-- KEYS[1] lease  zset  asynq:{q}:lease    score: lease expiry, unix seconds
-- KEYS[2] task   hash  asynq:{q}:t:<id>
-- ARGV[1] taskId
-- ARGV[2] leases  own lease scores, comma separated
-- ARGV[3] alone   record to store, or empty: it is not
-- REPLY   integer
-- RETURNS 1 stored
--         0 no longer ours, or not active; nothing written
-- COST    O(log n)
--@include owns-lease
local lease, task = KEYS[1], KEYS[2]
local taskId, leases, alone = ARGV[1], ARGV[2], ARGV[3]

if not ownsLease(lease, taskId, leases) or redis.pcall('HGET', task, 'state') ~= 'active' then return 0 end

if alone == '' then
  redis.call('HDEL', task, 'alone')
else
  redis.call('HSET', task, 'alone', alone)
end
return 1
