-- archive: end attempts of tasks that will not be retried, and archive these.
--
-- KEYS[1]   active          list    asynq:{q}:active
-- KEYS[2]   lease           zset    asynq:{q}:lease                  score: lease expiry, unix seconds
-- KEYS[3]   archived        zset    asynq:{q}:archived               score: archived-at, unix seconds
-- KEYS[4]   processedToday  string  asynq:{q}:processed:<yyyy-mm-dd>
-- KEYS[5]   processed       string  asynq:{q}:processed
-- KEYS[6]   failedToday     string  asynq:{q}:failed:<yyyy-mm-dd>
-- KEYS[7]   failed          string  asynq:{q}:failed
-- KEYS[8]   awaited         zset    asynq:{q}:awaited                score: when the wait expires, unix seconds
-- KEYS[9..] task            hash    asynq:{q}:t:<id>                 one per task
-- ARGV[1]   statsExpireAtS  unix s
-- ARGV[2]   archivedAtS     unix s
-- ARGV[3]   endedChannel    receives the end of each task in `awaited`
-- ARGV[4..] per task: taskId, leases (own lease scores, comma separated), message (protobuf), crashes (record to store, or empty)
-- REPLY   {integer per task}
-- RETURNS per task 1 archived
--                  0 no longer ours: lease lost or task settled; nothing written
--         Does not trim: the janitor does that in bounded steps. asynq 0.26 trims here and fails at 8,000 old entries.
-- COST    O(tasks) when they are the oldest in active, else O(n) in it, which the tasks in hand of all servers bound
--@include owns-lease
--@include leave-active
--@include settle
--@include count
--@include notify-waiters
--@include need-type
local active, lease, archived, processedToday, processed, failedToday, failed, awaited =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local statsExpireAtS, archivedAtS, endedChannel = ARGV[1], ARGV[2], ARGV[3]
local FIRST_TASK, ARGS, FIELDS = 9, 3, 4
local isAnyAwaited = redis.call('EXISTS', awaited) == 1

needType('list', active)
needType('zset', lease, archived)
local replies, ended = settle(active, lease, FIRST_TASK, ARGS, FIELDS, function(task, taskId, at)
  local message, crashes = ARGV[at + 3], ARGV[at + 4]

  if not store(task, 'msg', message, 'state', 'archived') then return false end
  redis.call('HDEL', task, 'unknown_since_ms', 'cancel_then', 'alone')
  if crashes ~= '' then redis.call('HSET', task, 'crashes', crashes) end
  redis.call('ZADD', archived, archivedAtS, taskId)
  if isAnyAwaited then notifyWaiters(awaited, endedChannel, 'archived', taskId) end
end)
count(processedToday, processed, ended, statsExpireAtS)
count(failedToday, failed, ended, statsExpireAtS)
return replies
