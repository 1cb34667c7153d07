-- request-cancel: store a request to cancel a running task, with the outcome, and publish the signal.
--
-- KEYS[1] task  hash  asynq:{q}:t:<id>
-- ARGV[1] record         retry, archive or delete, then the mark of the attempt
-- ARGV[2] cancelChannel  asynq's; Go servers subscribe to it too
-- ARGV[3] taskId
-- REPLY   integer
-- RETURNS 1 written: if the signal is lost, the server's heartbeat finds the request
--         0 not active; nothing written
-- COST    O(1)
local task = KEYS[1]
local record, cancelChannel, taskId = ARGV[1], ARGV[2], ARGV[3]

if redis.pcall('HGET', task, 'state') ~= 'active' then return 0 end

redis.call('HDEL', task, 'cancel_then') -- first: a full Redis allows it, and then the rest
redis.call('HSET', task, 'cancel_then', record)
redis.pcall('PUBLISH', cancelChannel, taskId) -- a hint: the right to publish may be missing
return 1
