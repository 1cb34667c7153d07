-- write-plan: replace what a scheduler shows of its entries.
--
-- KEYS[1] plan  list  asynq:schedulers:{<scheduler id>}
-- ARGV[1] ttlS  whole seconds
-- ARGV[2..] per task: entry (protobuf)
-- RETURNS nothing of use
--         The first entry lies at the right end, as asynq leaves it.
-- COST    O(entries)
local plan = KEYS[1]
local ttlS = ARGV[1]

redis.call('DEL', plan)
for i = 2, #ARGV do
  redis.call('LPUSH', plan, ARGV[i])
end
redis.call('EXPIRE', plan, ttlS)
return 1
