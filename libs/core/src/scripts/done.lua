-- done: delete tasks that succeeded or were revoked.
--
-- KEYS[1]   active          list    asynq:{q}:active
-- KEYS[2]   lease           zset    asynq:{q}:lease                  score: lease expiry, unix seconds
-- KEYS[3]   processedToday  string  asynq:{q}:processed:<yyyy-mm-dd>
-- KEYS[4]   processed       string  asynq:{q}:processed
-- KEYS[5]   awaited         zset    asynq:{q}:awaited                score: until when somebody waits, unix seconds
-- KEYS[6..] task            hash    asynq:{q}:t:<id>                 one per task
-- KEYS[..]  lock            string  asynq:{q}:unique:<type>:<md5>    one per task with hasLock, in their order
-- ARGV[1]   statsExpireAtS  unix s
-- ARGV[2]   endedChannel    hears of tasks in `awaited`
-- ARGV[3..] per task: taskId, leases (own lease scores, comma separated), hasLock (1 or 0)
-- RETURNS per task 1 deleted
--                  0 not ours any more: lease lost or task settled; nothing written
-- COST    O(tasks) when they are the oldest in active, else O(n) in it, which the servers' concurrency bounds
--@include owns-lease
--@include leave-active
--@include settle
--@include count
--@include keys-from
--@include unlock
--@include tell-waiters
--@include need-type
local active, lease, processedToday, processed, awaited = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local statsExpireAtS, endedChannel = ARGV[1], ARGV[2]
local FIRST_TASK, ARGS, FIELDS = 6, 2, 3
local nextLock = keysFrom(FIRST_TASK + (#ARGV - ARGS) / FIELDS)
local isAnyAwaited = redis.call('EXISTS', awaited) == 1

needType('list', active)
needType('zset', lease)
local replies, ended = settle(active, lease, FIRST_TASK, ARGS, FIELDS, function(task, taskId, _, lock)
  redis.call('DEL', task)
  unlock(lock, taskId)
  if isAnyAwaited then tellWaiters(awaited, endedChannel, 'deleted', taskId) end
end, function(at)
  return nextLock(ARGV[at + 3] == '1')
end)
count(processedToday, processed, ended, statsExpireAtS)
return replies
