-- claim: lease the ids that run next; load.lua then reads their tasks. The strict form of fetch.lua, first half.
--
-- KEYS[1] pending  list    asynq:{q}:pending   the right end is next
-- KEYS[2] paused   string  asynq:{q}:paused
-- KEYS[3] active   list    asynq:{q}:active    newest at the left
-- KEYS[4] lease    zset    asynq:{q}:lease     score: lease expiry, unix seconds
-- ARGV[1] leaseExpiresAtS  unix s
-- ARGV[2] limit            most ids, at most 1000
-- RETURNS {isPaused 0 or 1, remaining (ids left in pending; 0 in a paused queue), then the ids}
--         A crash before load.lua leaves tasks active and leased, with state pending: recovered like any lost lease.
-- COST    O(limit)
--@include need-type
local pending, paused, active, lease = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local leaseExpiresAtS, limit = ARGV[1], tonumber(ARGV[2])

if redis.call('EXISTS', paused) == 1 then return { 1, 0 } end
needType('list', pending, active)
needType('zset', lease)
local ids = redis.call('LRANGE', pending, -limit, -1)
if #ids == 0 then return { 0, 0 } end

local reply, fetched, leases = { 0, 0 }, {}, {}
for i = #ids, 1, -1 do
  fetched[#fetched + 1] = ids[i]
  leases[#leases + 1] = leaseExpiresAtS
  leases[#leases + 1] = ids[i]
  reply[#reply + 1] = ids[i]
end

redis.call('LTRIM', pending, 0, -#ids - 1)
redis.call('LPUSH', active, unpack(fetched))
redis.call('ZADD', lease, unpack(leases))
reply[2] = redis.call('LLEN', pending)
return reply
