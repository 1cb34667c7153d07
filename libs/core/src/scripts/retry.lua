-- retry: end attempts of tasks that run again later.
--
-- KEYS[1]   active          list    asynq:{q}:active
-- KEYS[2]   lease           zset    asynq:{q}:lease                  score: lease expiry, unix seconds
-- KEYS[3]   retry           zset    asynq:{q}:retry                  score: retry-at, unix seconds
-- KEYS[4]   processedToday  string  asynq:{q}:processed:<yyyy-mm-dd>
-- KEYS[5]   processed       string  asynq:{q}:processed
-- KEYS[6]   failedToday     string  asynq:{q}:failed:<yyyy-mm-dd>
-- KEYS[7]   failed          string  asynq:{q}:failed
-- KEYS[8..] task            hash    asynq:{q}:t:<id>                 one per task
-- ARGV[1]   statsExpireAtS  unix s
-- ARGV[2]   nudgeChannel    notified when a task is due before all that wait
-- ARGV[3..] per task: taskId, leases (own lease scores, comma separated), message (protobuf), retryAtS (unix s, rounded up), dueAtMs (unix ms), isFailure (1 or 0), unknownSince (record to store, or empty: an attempt was made)
-- REPLY   {integer per task}
-- RETURNS per task 1 moved to retry
--                  0 no longer ours: lease lost or task settled; nothing written
-- COST    O(tasks) when they are the oldest in active, else O(n) in it, which the tasks in hand of all servers bound
--@include owns-lease
--@include leave-active
--@include settle
--@include count
--@include need-type
local active, lease, retry, processedToday, processed, failedToday, failed =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local statsExpireAtS, nudgeChannel = ARGV[1], ARGV[2]
local FIRST_TASK, ARGS, FIELDS = 8, 2, 7
needType('list', active)
needType('zset', lease, retry)
local first = tonumber(redis.call('ZRANGE', retry, 0, 0, 'WITHSCORES')[2])
local goesAhead, failures = false, 0

local replies = settle(active, lease, FIRST_TASK, ARGS, FIELDS, function(task, taskId, at)
  local message, retryAtS, dueAtMs = ARGV[at + 3], ARGV[at + 4], ARGV[at + 5]
  local isFailure, unknownSince = ARGV[at + 6] == '1', ARGV[at + 7]

  if not store(task, 'msg', message, 'state', 'retry', 'due_at_ms', dueAtMs) then return false end
  redis.call('HDEL', task, 'cancel_then', 'alone')
  if unknownSince == '' then
    redis.call('HDEL', task, 'unknown_since_ms', 'crashes')
  else
    redis.call('HSET', task, 'unknown_since_ms', unknownSince)
  end
  redis.call('ZADD', retry, retryAtS, taskId)
  if not first or tonumber(retryAtS) <= first then goesAhead = true end
  if isFailure then failures = failures + 1 end
end)
count(processedToday, processed, failures, statsExpireAtS)
count(failedToday, failed, failures, statsExpireAtS)
if goesAhead then redis.pcall('PUBLISH', nudgeChannel, '') end -- a hint: without the right to publish, forwarders poll
return replies
