-- update-message: replace the message of a scheduled task.
--
-- KEYS[1] task  hash  asynq:{q}:t:<id>
-- ARGV[1] expected  the message as read before
-- ARGV[2] message   the one to store
-- REPLY   integer
-- RETURNS 1 stored
--         0 no longer scheduled, or its message has changed; nothing written
-- COST    O(1)
local task = KEYS[1]
local expected, message = ARGV[1], ARGV[2]

local found = redis.call('HMGET', task, 'state', 'msg')
if found[1] ~= 'scheduled' or found[2] ~= expected then return 0 end

redis.call('HSET', task, 'msg', message)
return 1
