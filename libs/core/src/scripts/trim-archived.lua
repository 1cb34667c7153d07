-- trim-archived: delete archived tasks beyond the limits of the archive, with their locks.
--
-- KEYS[1]   archived  zset    asynq:{q}:archived              score: archived-at, unix seconds
-- KEYS[2..] task      hash    asynq:{q}:t:<id>                one per task, oldest first
-- KEYS[..]  lock      string  asynq:{q}:unique:<type>:<md5>   one per task with hasLock, in their order
-- ARGV[1]   cutoffS  unix s; older entries are deleted
-- ARGV[2]   maxSize  maximum number of entries to keep
-- ARGV[3..] per task: taskId, hasLock (1 or 0)
-- REPLY   integer
-- RETURNS number of tasks deleted; one that left the archive or is within the limits by now is left alone
-- COST    O(tasks x log n)
--@include keys-from
--@include unlock
local archived = KEYS[1]
local cutoffS, maxSize = tonumber(ARGV[1]), tonumber(ARGV[2])
local ARGS, FIELDS = 2, 2
local tasks = (#ARGV - ARGS) / FIELDS
local nextLock = keysFrom(2 + tasks)
local size = redis.call('ZCARD', archived)

local deleted = 0
for i = 1, tasks do
  local task, at = KEYS[1 + i], ARGS + (i - 1) * FIELDS
  local taskId, hasLock = ARGV[at + 1], ARGV[at + 2] == '1'
  local lock = nextLock(hasLock)

  local score = redis.call('ZSCORE', archived, taskId)
  if score and (tonumber(score) <= cutoffS or size - deleted > maxSize) then
    redis.call('ZREM', archived, taskId)
    redis.call('DEL', task)
    unlock(lock, taskId)
    deleted = deleted + 1
  end
end
return deleted
