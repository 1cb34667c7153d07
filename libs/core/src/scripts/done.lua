-- done: delete successful and revoked tasks.
--
-- KEYS[1]   active          list    asynq:{q}:active
-- KEYS[2]   lease           zset    asynq:{q}:lease                  score: lease expiry, unix seconds
-- KEYS[3]   processedToday  string  asynq:{q}:processed:<yyyy-mm-dd>
-- KEYS[4]   processed       string  asynq:{q}:processed
-- KEYS[5]   awaited         zset    asynq:{q}:awaited                score: when the wait expires, unix seconds
-- KEYS[6..] task            hash    asynq:{q}:t:<id>                 one per task
-- KEYS[..]  lock            string  asynq:{q}:unique:<type>:<md5>    one per task that holds one, in their order
-- ARGV[1]   statsExpireAtS  unix s
-- ARGV[2]   endedChannel    receives the end of each task in `awaited`
-- ARGV[3]   taskPrefix      asynq:{q}:t:, which the id follows in a task's key
-- ARGV[4]   lockHolders     which tasks hold a lock, comma separated: 1 is the first
-- ARGV[5]   leases          own lease scores, comma separated, with the number of the next tasks that have them: "1700000031,1700000036:20 1700000031:1"
-- REPLY   integer | {integer per task}
-- RETURNS if all tasks were deleted, their number; otherwise per task 1 deleted
--                  0 no longer ours: lease lost or task settled; nothing written
-- COST    O(tasks) when they are the oldest in active, else O(n) in it, which the tasks in hand of all servers bound
--@include owns-lease
--@include leave-active
--@include settle
--@include count
--@include keys-from
--@include unlock
--@include notify-waiters
--@include need-type
local active, lease, processedToday, processed, awaited = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local statsExpireAtS, endedChannel, taskPrefix, lockHolders, leases = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local FIRST_TASK = 6
local taskIds, ownLeases, locks, replies = {}, {}, {}, {}
for scores, tasks in string.gmatch(leases, '([^: ]+):(%d+)') do
  for i = #taskIds + 1, #taskIds + tonumber(tasks) do
    taskIds[i], ownLeases[i], replies[i] = string.sub(KEYS[FIRST_TASK + i - 1], #taskPrefix + 1), scores, 0
  end
end
local nextLock = keysFrom(FIRST_TASK + #taskIds)
for i in string.gmatch(lockHolders, '%d+') do locks[tonumber(i)] = nextLock(true) end

needType('list', active)
needType('zset', lease)
local isAnyAwaited = redis.call('EXISTS', awaited) == 1
local owned, ids = endLeases(lease, taskIds, ownLeases)
local tasks = {}
for n, i in ipairs(owned) do
  tasks[n] = KEYS[FIRST_TASK + i - 1]
  unlock(locks[i], taskIds[i])
  if isAnyAwaited then notifyWaiters(awaited, endedChannel, 'deleted', taskIds[i]) end
  replies[i] = 1
end
if #tasks > 0 then redis.call('DEL', unpack(tasks)) end
leaveActive(active, ids)
count(processedToday, processed, #owned, statsExpireAtS)
if #owned == #taskIds then return #owned end
return replies
