-- fire-tick: claim a tick of a schedule and enqueue its task.
--
-- KEYS[1]   schedule   hash    asynq:{q}:schedule:<name>
-- KEYS[2]   task       hash    asynq:{q}:t:<id>
-- KEYS[3]   pending    list    asynq:{q}:pending               new ids at the left
-- KEYS[4]   scheduled  zset    asynq:{q}:scheduled             score: process-at, unix seconds
-- KEYS[5]   completed  zset    asynq:{q}:completed             score: deletion time, unix seconds
-- KEYS[6..] lock       string  asynq:{q}:unique:<type>:<md5>   one when there is a ttl
-- ARGV[1] digest          of the definition from which the tick was computed
-- ARGV[2] claimedMs       the last claimed tick that the caller knows of, unix ms
-- ARGV[3] tickMs          unix ms
-- ARGV[4] nowS            unix s
-- ARGV[5] nowNs           unix ns
-- ARGV[6] nudgeChannel    notified when the task is due before all scheduled ones
-- ARGV[..] @new-task      its group is ignored
-- REPLY   {integer, text | nil, text | nil, text | nil, text | nil}
-- RETURNS result, then since_ms, claimed_ms, fired_ms, paused_ms of the schedule, nil where there is none
--         2 tick claimed, but another task holds the lock
--         1 tick claimed, task written
--         0 tick claimed, but the id is taken
--         -1 another tick was claimed last; nothing written
--         -2 paused; nothing written
--         -3 another definition; nothing written
--         -4 no such schedule; nothing written
-- COST    O(log n)
--@include need-type
--@include task-hash
--@include new-task
local schedule, task = KEYS[1], KEYS[2]
local digest, claimedMs, tickMs = ARGV[1], ARGV[2], ARGV[3]
local nudgeChannel = ARGV[6]
local queue = { pending = KEYS[3], scheduled = KEYS[4], completed = KEYS[5], nowS = tonumber(ARGV[4]), nowNs = ARGV[5] }
local new = newTaskAt(#ARGV - NEW_TASK_FIELDS)
local lock = new.hasLock and KEYS[#KEYS]

local function reply(result)
  local progress = redis.call('HMGET', schedule, 'since_ms', 'claimed_ms', 'fired_ms', 'paused_ms')
  return { result, progress[1], progress[2], progress[3], progress[4] }
end

local known = redis.call('HMGET', schedule, 'spec', 'claimed_ms', 'paused_ms', 'digest')
if not known[1] then return reply(-4) end
if known[4] ~= digest then return reply(-3) end
if known[3] then return reply(-2) end
if known[2] ~= claimedMs then return reply(-1) end
needTarget(new, queue)
local isTaken, isExpired = idTaken(task, new.taskId, queue.completed, queue.nowS)
local isLocked = lockHolder(lock)
local firstS = new.isDelayed and redis.call('ZRANGE', queue.scheduled, 0, 0, 'WITHSCORES')[2]

redis.call('HSET', schedule, 'claimed_ms', tickMs, 'fired_ms', tickMs)
if isTaken then return reply(0) end
if isLocked then return reply(2) end
if isExpired then clearExpired(task, new.taskId, queue.completed) end
writeNewTask(new, task, lock, nil, queue)
nudge(new, firstS, nudgeChannel)
return reply(1)
