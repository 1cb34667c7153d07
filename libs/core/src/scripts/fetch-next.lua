-- fetch-next: lease the next task, by the time of Redis: sent right behind a command that blocks until there is one.
--
-- KEYS[1] pending  list    asynq:{q}:pending   the right end is next
-- KEYS[2] paused   string  asynq:{q}:paused
-- KEYS[3] active   list    asynq:{q}:active    newest at the left
-- KEYS[4] lease    zset    asynq:{q}:lease     score: lease expiry, unix seconds
-- KEYS[5] mark     string  asynq:{q}:fetched:<lane>   the last fetch of the lane, see include/mark-fetch.lua
-- KEYS[6] standby  string  asynq:{q}:standby   the server that takes the task when this one does not
-- UNDECLARED task  hash    asynq:{q}:t:<id>    in the same slot; servers that refuse this use claim.lua and load.lua
-- ARGV[1] leaseMs          the script may run long after it was sent, so it cannot be told when the lease ends
-- ARGV[2] taskPrefix       asynq:{q}:t:
-- ARGV[3] call             number of the call in its lane
-- ARGV[4] withSince        1: is wanted since when tasks were pending
-- REPLY   {integer, integer, integer, text, {(integer, text | nil, text | nil, integer | nil)...}, (text | nil)...}
-- RETURNS {isPaused 0 or 1, remaining (tasks left in pending; 0 in a paused queue), leaseExpiresAtS (unix s; 0 without a task),
--         ids, notes, and, if there is a task, its message}
--         As of fetch.lua with a limit of 1: a late copy takes nothing, an id without a message is dropped.
--         Takes nothing where another server stands by: this one may be frozen, or its cable pulled.
-- COST    O(1)
--@include begin-attempt
--@include has-message
--@include mark-fetch
--@include need-type
--@include task-notes
local pending, paused, active, lease, mark, standby = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local leaseMs, taskPrefix, call, withSince = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4] == '1'

if redis.call('EXISTS', paused) == 1 then return { 1, 0, 0, '', {} } end
needType('list', pending, active)
needType('zset', lease)
local taskId = redis.call('LINDEX', pending, -1)
if not taskId or isOvertaken(mark, call) then return { 0, 0, 0, '', {} } end
if redis.call('EXISTS', standby) == 1 then return { 0, redis.call('LLEN', pending), 0, '', {} } end

local task = taskPrefix .. taskId
local fields = redis.pcall('HMGET', task, 'msg', 'unknown_since_ms', 'crashes', 'pending_since')
if fields.err and not string.find(fields.err, 'WRONGTYPE', 1, true) then return fields end -- refused, before any write
local now = redis.call('TIME')
local leaseExpiresAtS = math.ceil(now[1] + now[2] / 1e6 + leaseMs / 1000)

redis.call('RPOP', pending)
local ids, notes = joinedIds({ taskId }), {}
if fields[1] then
  redis.call('LPUSH', active, taskId)
  redis.call('ZADD', lease, leaseExpiresAtS, taskId)
  markFetch(mark, call, leaseExpiresAtS, ids)
  beginAttempt(task)
  addNotes(notes, 0, fields[2], fields[3], withSince and fields[4])
else
  deleteStub(task)
end
return { 0, redis.call('LLEN', pending), leaseExpiresAtS, ids, notes, fields[1] or false }
