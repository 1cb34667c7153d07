-- request-cancel: store a request to cancel a running task, with the outcome, and publish the signal.
--
-- KEYS[1] task  hash  asynq:{q}:t:<id>
-- ARGV[1] record         retry, archive or delete, a space, and how often the task has failed: the attempt that is meant
-- ARGV[2] cancelChannel  asynq's, heard by Go servers too
-- ARGV[3] taskId
-- RETURNS 1 written: if the signal is lost, the heartbeat of its server finds the request
--         0 not active; nothing written
-- COST    O(1)
local task = KEYS[1]
local record, cancelChannel, taskId = ARGV[1], ARGV[2], ARGV[3]

if redis.call('HGET', task, 'state') ~= 'active' then return 0 end

redis.call('HSET', task, 'cancel_then', record)
redis.pcall('PUBLISH', cancelChannel, taskId) -- a hint: it may be forbidden
return 1
