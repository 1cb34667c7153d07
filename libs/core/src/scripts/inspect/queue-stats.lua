-- queue-stats: one picture of a queue's sizes and counters.
--
-- KEYS[1]  pending         list    asynq:{q}:pending
-- KEYS[2]  active          list    asynq:{q}:active
-- KEYS[3]  scheduled       zset    asynq:{q}:scheduled
-- KEYS[4]  retry           zset    asynq:{q}:retry
-- KEYS[5]  archived        zset    asynq:{q}:archived
-- KEYS[6]  completed       zset    asynq:{q}:completed
-- KEYS[7]  processedToday  string  asynq:{q}:processed:<yyyy-mm-dd>
-- KEYS[8]  failedToday     string  asynq:{q}:failed:<yyyy-mm-dd>
-- KEYS[9]  processed       string  asynq:{q}:processed
-- KEYS[10] failed          string  asynq:{q}:failed
-- KEYS[11] paused          string  asynq:{q}:paused
-- KEYS[12] groups          set     asynq:{q}:groups
-- RETURNS {pending, active, scheduled, retry, archived, completed, processed today, failed today, processed, failed,
--          is paused 0 or 1, number of groups, id that runs next or nil}; counters as text, nil for none
-- COST    O(1)
local reply = { redis.call('LLEN', KEYS[1]), redis.call('LLEN', KEYS[2]) }
for i = 3, 6 do reply[i] = redis.call('ZCARD', KEYS[i]) end
for i = 7, 10 do
  local counter = redis.pcall('GET', KEYS[i])
  reply[i] = type(counter) == 'string' and counter -- no table: that is the error for a key of another type
end
reply[11] = redis.call('EXISTS', KEYS[11])
reply[12] = redis.call('SCARD', KEYS[12])
reply[13] = redis.call('LINDEX', KEYS[1], -1)
return reply
