-- drop-duty: release a duty, if this server still holds it.
--
-- KEYS[1] duty  string  asynq:{q}:leader or asynq:{q}:standby   id of the server that holds it
-- ARGV[1] serverId
-- REPLY   integer
-- RETURNS 1 released
--         0 held by another server, or by none
-- COST    O(1)
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
