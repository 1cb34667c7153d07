-- queue-stats: read a queue's sizes and counters at one moment.
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
-- REPLY   {integer, integer, integer, integer, integer, integer, text | nil, text | nil, text | nil, text | nil, integer, integer, text | nil, {text...}, text | nil, text | nil, text | nil}
-- RETURNS {pending, active, scheduled, retry, archived, completed, processed today, failed today, processed, failed,
--          is paused 0 or 1, number of groups, id of the next task to run or nil, keys of another type, content of
--          paused or nil, lowest score of scheduled and of retry or nil}; counters as text, nil for none. A key of
--          another type counts as empty
-- COST    O(log n) in scheduled and retry
--@include need-type
local TYPES = { 'list', 'list', 'zset', 'zset', 'zset', 'zset', 'string', 'string', 'string', 'string', false, 'set' }
local read = {
  list = function(key) return redis.call('LLEN', key) end,
  zset = function(key) return redis.call('ZCARD', key) end,
  set = function(key) return redis.call('SCARD', key) end,
  string = function(key) return redis.call('GET', key) end,
}

local reply, odd = {}, {}
for i, kind in ipairs(TYPES) do
  if not kind then
    reply[i] = redis.call('EXISTS', KEYS[i])
  elseif oddType(kind, KEYS[i]) then
    odd[#odd + 1] = KEYS[i]
    reply[i] = kind ~= 'string' and 0
  else
    reply[i] = read[kind](KEYS[i])
  end
end
reply[13] = reply[1] > 0 and redis.call('LINDEX', KEYS[1], -1)
reply[14] = odd
reply[15] = reply[11] == 1 and not oddType('string', KEYS[11]) and redis.call('GET', KEYS[11])
for i = 3, 4 do
  reply[13 + i] = reply[i] > 0 and redis.call('ZRANGE', KEYS[i], 0, 0, 'WITHSCORES')[2]
end
return reply
