-- complete: keep successful tasks for their retention.
--
-- KEYS[1]   active          list    asynq:{q}:active
-- KEYS[2]   lease           zset    asynq:{q}:lease                  score: lease expiry, unix seconds
-- KEYS[3]   completed       zset    asynq:{q}:completed              score: deletion time, unix seconds
-- KEYS[4]   processedToday  string  asynq:{q}:processed:<yyyy-mm-dd>
-- KEYS[5]   processed       string  asynq:{q}:processed
-- KEYS[6]   awaited         zset    asynq:{q}:awaited                score: when the wait expires, unix seconds
-- KEYS[7..] task            hash    asynq:{q}:t:<id>                 one per task
-- KEYS[..]  lock            string  asynq:{q}:unique:<type>:<md5>    one per task with hasLock, in their order
-- ARGV[1]   statsExpireAtS  unix s
-- ARGV[2]   endedChannel    receives the end of each task in `awaited`
-- ARGV[3..] per task: taskId, leases (own lease scores, comma separated), hasLock (1 or 0), message (protobuf), deleteAtS (unix s), hasResult (1 or 0), result (bytes)
-- REPLY   {integer per task}
-- RETURNS per task 2 deleted: `completed` is of another type, and a task that has succeeded must not run again
--                  1 completed
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
local active, lease, completed, processedToday, processed, awaited =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local statsExpireAtS, endedChannel = ARGV[1], ARGV[2]
local FIRST_TASK, ARGS, FIELDS = 7, 2, 7
local nextLock = keysFrom(FIRST_TASK + (#ARGV - ARGS) / FIELDS)
local isAnyAwaited = redis.call('EXISTS', awaited) == 1

needType('list', active)
needType('zset', lease)
local canKeep = not oddType('zset', completed)
local replies, ended = settle(active, lease, FIRST_TASK, ARGS, FIELDS, function(task, taskId, at, lock)
  local message, deleteAtS, hasResult, result = ARGV[at + 4], ARGV[at + 5], ARGV[at + 6] == '1', ARGV[at + 7]

  if not canKeep then
    redis.call('DEL', task)
    unlock(lock, taskId)
    if isAnyAwaited then notifyWaiters(awaited, endedChannel, 'deleted', taskId) end
    return 2
  end
  if not store(task, 'msg', message, 'state', 'completed') then return false end
  if hasResult then redis.call('HSET', task, 'result', result) end
  redis.call('HDEL', task, 'unknown_since_ms', 'crashes', 'cancel_then', 'alone')
  redis.call('ZADD', completed, deleteAtS, taskId)
  unlock(lock, taskId)
  if isAnyAwaited then notifyWaiters(awaited, endedChannel, 'completed', taskId) end
end, function(at)
  return nextLock(ARGV[at + 3] == '1')
end)
count(processedToday, processed, ended, statsExpireAtS)
return replies
