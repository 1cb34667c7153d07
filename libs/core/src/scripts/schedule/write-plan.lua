-- write-plan: replace the published entries of a scheduler.
--
-- KEYS[1] plan  list  asynq:schedulers:{<scheduler id>}
-- ARGV[1] ttlS  whole seconds
-- ARGV[2..] per task: entry (protobuf)
-- REPLY   integer
-- RETURNS 1, always
--         The first entry is at the right end, as in asynq.
-- COST    O(entries)
local plan = KEYS[1]
local ttlS = ARGV[1]

redis.call('DEL', plan)
for i = 2, #ARGV do
  redis.call('LPUSH', plan, ARGV[i])
end
redis.call('EXPIRE', plan, ttlS)
return 1
