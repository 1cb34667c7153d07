-- wish-cancel: write down what shall become of a running task once it is canceled.
--
-- KEYS[1] task  hash  asynq:{q}:t:<id>
-- ARGV[1] wish  retry, archive or delete
-- RETURNS 1 written: the heartbeat of its server will come by it
--         0 not active; nothing written
-- COST    O(1)
local task = KEYS[1]
local wish = ARGV[1]

if redis.call('HGET', task, 'state') ~= 'active' then return 0 end

redis.call('HSET', task, 'cancel_then', wish)
return 1
