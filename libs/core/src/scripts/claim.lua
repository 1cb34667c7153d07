-- claim: lease the next ids to run; load.lua then reads their tasks. First half of the strict form of fetch.lua.
--
-- KEYS[1] pending  list    asynq:{q}:pending   the right end is next
-- KEYS[2] paused   string  asynq:{q}:paused
-- KEYS[3] active   list    asynq:{q}:active    newest at the left
-- KEYS[4] lease    zset    asynq:{q}:lease     score: lease expiry, unix seconds
-- KEYS[5] mark     string  asynq:{q}:fetched:<lane>   the last fetch of the lane, see include/mark-fetch.lua
-- ARGV[1] leaseExpiresAtS  unix s
-- ARGV[2] limit            most ids, at most 1000
-- ARGV[3] call             number of the call in its lane
-- ARGV[4..] per task: passedId (left in its place; at most 1000)
-- REPLY   {integer, integer, integer, text...}
-- RETURNS {isPaused 0 or 1, remaining (ids left in pending, without those passed over; 0 in a paused queue), passedOver, then the ids}
--         A copy of the call that arrives after the server has gone on without its reply takes nothing.
--         A crash before load.lua leaves tasks active and leased, with state pending: recovered like any lost lease.
-- COST    O(limit + passed tasks)
--@include mark-fetch
--@include need-type
--@include next-ids
local pending, paused, active, lease, mark = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local leaseExpiresAtS, limit, call = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local ARGS = 3

if redis.call('EXISTS', paused) == 1 then return { 1, 0, 0 } end
needType('list', pending, active)
needType('zset', lease)
local found = nextIds(pending, limit, ARGS)
if #found.ids == 0 then return { 0, 0, #found.passed } end
if isOvertaken(mark, call) then return { 0, 0, 0 } end

local reply, leases = { 0, 0, #found.passed }, {}
for _, taskId in ipairs(found.ids) do
  leases[#leases + 1] = leaseExpiresAtS
  leases[#leases + 1] = taskId
  reply[#reply + 1] = taskId
end

leavePending(pending, found, #found.ids)
redis.call('LPUSH', active, unpack(found.ids))
redis.call('ZADD', lease, unpack(leases))
markFetch(mark, call, leaseExpiresAtS, joinedIds(found.ids))
reply[2] = redis.call('LLEN', pending) - #found.passed
return reply
