-- wake-idle: leave tokens for servers that wait for work.
--
-- KEYS[1] wake  list  asynq:{q}:wake   one element per token
-- ARGV[1] count  tokens that shall lie there at the end, at most 64
-- ARGV[2] ttlMs  lifetime of tokens that nobody takes
-- RETURNS nothing of use
-- COST    O(count)
local wake, count, ttlMs = KEYS[1], tonumber(ARGV[1]), ARGV[2]

local tokens = {}
for i = 1, count - redis.call('LLEN', wake) do tokens[i] = '1' end
if #tokens > 0 then redis.call('RPUSH', wake, unpack(tokens)) end
redis.call('PEXPIRE', wake, ttlMs)
return 1
