-- drop-duty: give up a duty, if it is still held.
--
-- KEYS[1] duty  string  asynq:{q}:leader or asynq:{q}:standby   id of the server that holds it
-- ARGV[1] serverId
-- RETURNS 1 given up
--         0 held by another, or by nobody
-- COST    O(1)
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
