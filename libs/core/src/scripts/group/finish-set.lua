-- finish-set: write the combined task of an aggregation set, and delete the set with its members.
--
-- KEYS[1]   aggregationSet   zset    asynq:{q}:g:<group>:<uuid>
-- KEYS[2]   aggregationSets  zset    asynq:{q}:aggregation_sets      keys of sets; score: deadline, unix seconds
-- KEYS[3]   pending          list    asynq:{q}:pending               new ids at the left
-- KEYS[4]   scheduled        zset    asynq:{q}:scheduled             score: process-at, unix seconds
-- KEYS[5]   awaited          zset    asynq:{q}:awaited               score: when the wait expires, unix seconds
-- KEYS[6]   aggregate        hash    asynq:{q}:t:<id>                the combined task; it may have the id of a member
-- KEYS[7]   completed        zset    asynq:{q}:completed             score: deletion time, unix seconds
-- KEYS[8..] task             hash    asynq:{q}:t:<id>                one per task of the set
-- KEYS[..]  lock             string  asynq:{q}:unique:<type>:<md5>   one per task with hasLock, in their order; then that of the combined task, if any
-- ARGV[1]   deadlineS       unix s; with any other value stored, the set is no longer ours
-- ARGV[2]   nowS          unix s
-- ARGV[3]   nowNs         unix ns
-- ARGV[4]   nudgeChannel  notified when the new task is due before all scheduled ones
-- ARGV[5]   endedChannel  receives the end of each member in `awaited`
-- ARGV[6..] per task: taskId, hasLock (1 or 0)
-- ARGV[..]  @new-task     the combined task; its group is ignored
-- REPLY   integer | text
-- RETURNS 1 done; also on a repeat after a lost reply
--         0 a task outside of the set has the id of the combined one, in any state; nothing written
--         -1 the set is no longer ours; nothing written
--         text: id of the task that holds the lock of the combined one; nothing written
--         asynq 0.26 enqueues and deletes in two steps, and a crash between them aggregates the members twice.
-- COST    O(tasks)
--@include keys-from
--@include need-type
--@include task-hash
--@include new-task
--@include unlock
--@include notify-waiters
local aggregationSet, aggregationSets, awaited, aggregate = KEYS[1], KEYS[2], KEYS[5], KEYS[6]
local queue = { pending = KEYS[3], scheduled = KEYS[4], completed = KEYS[7], nowS = tonumber(ARGV[2]), nowNs = ARGV[3] }
local deadlineS, nudgeChannel, endedChannel = ARGV[1], ARGV[4], ARGV[5]
local FIRST_TASK, ARGS, FIELDS = 8, 5, 2
local new = newTaskAt(#ARGV - NEW_TASK_FIELDS)
local tasks = (#ARGV - ARGS - NEW_TASK_FIELDS) / FIELDS
local nextLock = keysFrom(FIRST_TASK + tasks)

if redis.call('ZSCORE', aggregationSets, aggregationSet) ~= deadlineS then
  return redis.pcall('HGET', aggregate, 'msg') == new.message and 1 or -1
end

local isMember = {}
for i = 1, tasks do
  local taskId = ARGV[ARGS + (i - 1) * FIELDS + 1]
  isMember[taskId] = redis.call('ZSCORE', aggregationSet, taskId) ~= false
end
local isTaken, isExpired = idTaken(aggregate, new.taskId, queue.completed, queue.nowS)
if isTaken and not isMember[new.taskId] then return 0 end
local lock = new.hasLock and KEYS[#KEYS]
local holder = lockHolder(lock)
if holder and not isMember[holder] then return holder end
needTarget(new, queue)
local firstS = new.isDelayed and redis.call('ZRANGE', queue.scheduled, 0, 0, 'WITHSCORES')[2]

local isAnyAwaited = redis.call('EXISTS', awaited) == 1
for i = 1, tasks do
  local task, at = KEYS[FIRST_TASK + i - 1], ARGS + (i - 1) * FIELDS
  local taskId, hasLock = ARGV[at + 1], ARGV[at + 2] == '1'
  local heldLock = nextLock(hasLock)
  if isMember[taskId] then
    redis.call('DEL', task)
    unlock(heldLock, taskId)
    -- Clients that wait for the id of the combined task go on waiting.
    if isAnyAwaited and taskId ~= new.taskId then notifyWaiters(awaited, endedChannel, 'removed', taskId) end
  end
end
redis.call('DEL', aggregationSet)
redis.call('ZREM', aggregationSets, aggregationSet)

if isExpired then clearExpired(aggregate, new.taskId, queue.completed) end
writeNewTask(new, aggregate, lock, nil, queue)
nudge(new, firstS, nudgeChannel)
return 1
