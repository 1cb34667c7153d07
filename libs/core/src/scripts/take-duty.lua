-- take-duty: take a duty that no server holds.
--
-- KEYS[1] duty  string  asynq:{q}:leader or asynq:{q}:standby   id of the server that holds it
-- ARGV[1] serverId
-- ARGV[2] leaseMs  how long it is held
-- REPLY   integer
-- RETURNS 1 taken
--         0 held, by whichever server
--         A script, because a full Redis refuses `SET`: then no server could lead, and due tasks would wait forever.
-- COST    O(1)
local duty, serverId, leaseMs = KEYS[1], ARGV[1], ARGV[2]

if redis.call('EXISTS', duty) == 1 then return 0 end
redis.call('DEL', duty) -- first: a full Redis allows it, and then the rest
redis.call('SET', duty, serverId, 'PX', leaseMs)
return 1
