-- retry: let tasks run again later.
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
-- ARGV[2]   nudgeChannel    told when a task goes ahead of all that wait
-- ARGV[3..] per task: taskId, message (protobuf), retryAtS (unix s, rounded up), dueAtMs (unix ms), isFailure (1 or 0), unknownSince (record to store, or empty: some server tried), leases (own lease scores, comma separated)
-- RETURNS per task 1 waits for its retry
--                  0 not ours any more: lease lost or task settled; nothing written
-- COST    O(tasks) when they are the oldest in active, else O(n) in it, which the servers' concurrency bounds
--@include owns-lease
--@include leave-active
--@include count
local active, lease, retry, processedToday, processed, failedToday, failed =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local statsExpireAtS, nudgeChannel = ARGV[1], ARGV[2]
local FIRST_TASK, ARGS, FIELDS = 8, 2, 7
local tasks = (#ARGV - ARGS) / FIELDS
local first = tonumber(redis.call('ZRANGE', retry, 0, 0, 'WITHSCORES')[2])
local goesAhead = false

local replies, left, failures = {}, {}, 0
for i = 1, tasks do
  local task, at = KEYS[FIRST_TASK + i - 1], ARGS + (i - 1) * FIELDS
  local taskId, message, retryAtS, dueAtMs = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local isFailure, unknownSince, leases = ARGV[at + 5] == '1', ARGV[at + 6], ARGV[at + 7]

  if ownsLease(lease, taskId, leases) then
    redis.call('ZREM', lease, taskId)
    left[#left + 1] = taskId
    redis.call('ZADD', retry, retryAtS, taskId)
    redis.call('HSET', task, 'msg', message, 'state', 'retry', 'due_at_ms', dueAtMs)
    redis.call('HDEL', task, 'cancel_then')
    if unknownSince == '' then
      redis.call('HDEL', task, 'unknown_since_ms', 'crashes')
    else
      redis.call('HSET', task, 'unknown_since_ms', unknownSince)
    end
    if not first or tonumber(retryAtS) <= first then goesAhead = true end
    if isFailure then failures = failures + 1 end
    replies[i] = 1
  else
    replies[i] = 0
  end
end
leaveActive(active, left)
count(processedToday, processed, failures, statsExpireAtS)
count(failedToday, failed, failures, statsExpireAtS)
if goesAhead then redis.pcall('PUBLISH', nudgeChannel, '') end -- a hint: where it is forbidden, forwarders poll
return replies
