-- finish-set: write the task that an aggregation set was made into, and delete the set with its members.
--
-- KEYS[1]   aggregationSet   zset    asynq:{q}:g:<group>:<uuid>
-- KEYS[2]   aggregationSets  zset    asynq:{q}:aggregation_sets      keys of sets; score: deadline, unix seconds
-- KEYS[3]   pending          list    asynq:{q}:pending               new ids at the left
-- KEYS[4]   scheduled        zset    asynq:{q}:scheduled             score: process-at, unix seconds
-- KEYS[5]   awaited          zset    asynq:{q}:awaited               score: until when somebody waits, unix seconds
-- KEYS[6]   aggregate        hash    asynq:{q}:t:<id>                the new task; it may take the id of a member
-- KEYS[7]   completed        zset    asynq:{q}:completed             score: deletion time, unix seconds
-- KEYS[8..] task             hash    asynq:{q}:t:<id>                one per task of the set
-- KEYS[..]  lock             string  asynq:{q}:unique:<type>:<md5>   one per task with hasLock, in their order; last that of the new task, if any
-- ARGV[1]   deadlineS       unix s; another one, and the set is not ours any more
-- ARGV[2]   aggregateId     the new task
-- ARGV[3]   message         protobuf
-- ARGV[4]   uniqueTtlS      0: no lock for the new task
-- ARGV[5]   pendingSinceNs  unix ns
-- ARGV[6]   processAtS      unix s, rounded up; 0: at once
-- ARGV[7]   dueAtMs         unix ms; 0: at once
-- ARGV[8]   nudgeChannel    told when the new task is scheduled
-- ARGV[9]   endedChannel    hears of members in `awaited`
-- ARGV[10]  nowS            unix s
-- ARGV[11..] per task: taskId, hasLock (1 or 0)
-- RETURNS 1 done; also when it was done before and the reply was lost
--         0 another task than a member has the id of the new one, in any state; nothing written
--         -1 the set is not ours any more; nothing written
--         text: id of the task that holds the lock of the new one; nothing written
--         asynq 0.26 enqueues and deletes in two steps, and a crash between them aggregates the members twice.
-- COST    O(tasks)
--@include locks-from
--@include id-taken
--@include unlock
--@include tell-waiters
local aggregationSet, aggregationSets, pending, scheduled = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local awaited, aggregate, completed = KEYS[5], KEYS[6], KEYS[7]
local deadlineS, aggregateId, message, uniqueTtlS, pendingSinceNs = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local processAtS, dueAtMs, nudgeChannel, endedChannel, nowS = ARGV[6], ARGV[7], ARGV[8], ARGV[9], tonumber(ARGV[10])
local FIRST_TASK, ARGS, FIELDS = 8, 10, 2
local tasks = (#ARGV - ARGS) / FIELDS
local nextLock = locksFrom(FIRST_TASK + tasks)

if redis.call('ZSCORE', aggregationSets, aggregationSet) ~= deadlineS then
  return redis.call('HGET', aggregate, 'msg') == message and 1 or -1
end

local isMember = {}
for i = 1, tasks do
  local taskId = ARGV[ARGS + (i - 1) * FIELDS + 1]
  isMember[taskId] = redis.call('ZSCORE', aggregationSet, taskId) ~= false
end
local isTaken, isExpired = idTaken(aggregate, aggregateId, completed, nowS)
if isTaken and not isMember[aggregateId] then return 0 end
local lock = uniqueTtlS ~= '0' and KEYS[#KEYS]
local holder = lock and redis.call('GET', lock)
if holder and not isMember[holder] then return holder end

local isAnyAwaited = redis.call('EXISTS', awaited) == 1
for i = 1, tasks do
  local task, at = KEYS[FIRST_TASK + i - 1], ARGS + (i - 1) * FIELDS
  local taskId, hasLock = ARGV[at + 1], ARGV[at + 2] == '1'
  local heldLock = nextLock(hasLock)
  if isMember[taskId] then
    redis.call('DEL', task)
    unlock(heldLock, taskId)
    -- Who waits for the id of the new task goes on waiting.
    if isAnyAwaited and taskId ~= aggregateId then tellWaiters(awaited, endedChannel, 'removed', taskId) end
  end
end
redis.call('DEL', aggregationSet)
redis.call('ZREM', aggregationSets, aggregationSet)

if isExpired then clearExpired(aggregate, aggregateId, completed) end
redis.call('HSET', aggregate, 'msg', message)
if lock then
  redis.call('SET', lock, aggregateId, 'EX', uniqueTtlS)
  redis.call('HSET', aggregate, 'unique_key', lock)
end
if processAtS == '0' then
  redis.call('HSET', aggregate, 'state', 'pending', 'pending_since', pendingSinceNs)
  redis.call('LPUSH', pending, aggregateId)
else
  redis.call('HSET', aggregate, 'state', 'scheduled', 'due_at_ms', dueAtMs)
  redis.call('ZADD', scheduled, processAtS, aggregateId)
  redis.pcall('PUBLISH', nudgeChannel, '') -- a hint: where it is forbidden, forwarders poll
end
return 1
