-- fire-tick: claim a tick of a schedule and enqueue its task.
--
-- KEYS[1]   schedule   hash    asynq:{q}:schedule:<name>
-- KEYS[2]   task       hash    asynq:{q}:t:<id>
-- KEYS[3]   pending    list    asynq:{q}:pending               new ids at the left
-- KEYS[4]   scheduled  zset    asynq:{q}:scheduled             score: process-at, unix seconds
-- KEYS[5]   completed  zset    asynq:{q}:completed             score: deletion time, unix seconds
-- KEYS[6..] lock       string  asynq:{q}:unique:<type>:<md5>   one when there is a ttl
-- ARGV[1] digest          of the definition that the tick was computed from
-- ARGV[2] claimedMs       the last claimed tick that the caller knows of, unix ms
-- ARGV[3] tickMs          unix ms
-- ARGV[4] taskId
-- ARGV[5] message         protobuf
-- ARGV[6] pendingSinceNs  unix ns
-- ARGV[7] processAtS      unix s, rounded up; 0: at once
-- ARGV[8] dueAtMs         unix ms
-- ARGV[9] uniqueTtlS      0: no lock
-- ARGV[10] nudgeChannel   told when the task goes ahead of all that are scheduled
-- ARGV[11] nowS           unix s
-- RETURNS result, then since_ms, claimed_ms, fired_ms, paused_ms of the schedule, nil where there is none
--         2 tick claimed, but another task holds the lock
--         1 tick claimed, task written
--         0 tick claimed, but the id is taken
--         -1 another tick was claimed last; nothing written
--         -2 paused; nothing written
--         -3 another definition; nothing written
--         -4 no such schedule; nothing written
-- COST    O(log n)
--@include id-taken
local schedule, task, pending, scheduled, completed = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local digest, claimedMs, tickMs = ARGV[1], ARGV[2], ARGV[3]
local taskId, message, pendingSinceNs = ARGV[4], ARGV[5], ARGV[6]
local processAtS, dueAtMs, uniqueTtlS, nudgeChannel, nowS = ARGV[7], ARGV[8], ARGV[9], ARGV[10], tonumber(ARGV[11])
local lock = uniqueTtlS ~= '0' and KEYS[#KEYS]

local function reply(result)
  local progress = redis.call('HMGET', schedule, 'since_ms', 'claimed_ms', 'fired_ms', 'paused_ms')
  return { result, progress[1], progress[2], progress[3], progress[4] }
end

local known = redis.call('HMGET', schedule, 'spec', 'claimed_ms', 'paused_ms', 'digest')
if not known[1] then return reply(-4) end
if known[4] ~= digest then return reply(-3) end
if known[3] then return reply(-2) end
if known[2] ~= claimedMs then return reply(-1) end
local isTaken, isExpired = idTaken(task, taskId, completed, nowS)
local isLocked = lock and redis.call('EXISTS', lock) == 1
local first = redis.call('ZRANGE', scheduled, 0, 0, 'WITHSCORES')[2]

redis.call('HSET', schedule, 'claimed_ms', tickMs, 'fired_ms', tickMs)
if isTaken then return reply(0) end
if isLocked then return reply(2) end
if isExpired then clearExpired(task, taskId, completed) end
redis.call('HSET', task, 'msg', message)
if lock then
  redis.call('SET', lock, taskId, 'EX', uniqueTtlS)
  redis.call('HSET', task, 'unique_key', lock)
end
if processAtS == '0' then
  redis.call('HSET', task, 'state', 'pending', 'pending_since', pendingSinceNs)
  redis.call('LPUSH', pending, taskId)
else
  redis.call('HSET', task, 'state', 'scheduled', 'due_at_ms', dueAtMs)
  redis.call('ZADD', scheduled, processAtS, taskId)
  local goesAhead = not first or tonumber(processAtS) <= tonumber(first)
  if goesAhead then redis.pcall('PUBLISH', nudgeChannel, '') end -- a hint: where it is forbidden, forwarders poll
end
return reply(1)
