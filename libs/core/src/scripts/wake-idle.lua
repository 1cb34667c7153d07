-- wake-idle: add wake tokens for idle servers.
--
-- KEYS[1] wake  list  asynq:{q}:wake   one element per token
-- ARGV[1] count  tokens to have in the list, at most 64
-- ARGV[2] ttlMs  lifetime of unused tokens
-- REPLY   integer
-- RETURNS 1, always
--         Replaces a key of another type: tokens are only ours, and of no value.
-- COST    O(count)
--@include need-type
local wake, count, ttlMs = KEYS[1], tonumber(ARGV[1]), ARGV[2]

if oddType('list', wake) then redis.call('DEL', wake) end
redis.call('PEXPIRE', wake, ttlMs) -- first: a full Redis allows it, and then the rest
local tokens = {}
for i = 1, count - redis.call('LLEN', wake) do tokens[i] = '1' end
if #tokens > 0 then redis.call('RPUSH', wake, unpack(tokens)) end
redis.call('PEXPIRE', wake, ttlMs)
return 1
