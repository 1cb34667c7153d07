-- return-unanswered: return the tasks of a fetch whose reply was lost to the head of their queue, in the order given.
--
-- KEYS[1]   active   list    asynq:{q}:active
-- KEYS[2]   lease    zset    asynq:{q}:lease           score: lease expiry, unix seconds
-- KEYS[3]   pending  list    asynq:{q}:pending         the right end is next
-- KEYS[4]   mark     string  asynq:{q}:fetched:<lane>  the last fetch of the lane, see include/mark-fetch.lua
-- KEYS[5..] task     hash    asynq:{q}:t:<id>          one per task
-- ARGV[1]   call             number of this call in the lane; copies of earlier fetches that arrive later do nothing
-- ARGV[2]   seen             the mark as read before, or empty
-- ARGV[3]   leaseExpiresAtS  unix s: the lease that the fetch gave
-- ARGV[4]   pendingSinceNs   unix ns
-- ARGV[5..] per task: taskId
-- REPLY   integer
-- RETURNS number of tasks returned; -1 when the mark is another by now, and nothing is written
-- COST    O(tasks) when they are the oldest in active, else O(n) in it, which the tasks in hand of all servers bound
--@include allow-writes
--@include leave-active
--@include mark-fetch
--@include need-type
local active, lease, pending, mark = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local call, seen, leaseExpiresAtS, pendingSinceNs = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local FIRST_TASK, ARGS = 5, 4

local stored = redis.pcall('GET', mark)
if (type(stored) == 'string' and stored or '') ~= seen then return -1 end
needType('list', active, pending)
needType('zset', lease)
allowWrites(lease)
local left = {}
for i = #ARGV - ARGS, 1, -1 do -- the last one pushed runs first
  local task, taskId = KEYS[FIRST_TASK + i - 1], ARGV[ARGS + i]
  if redis.call('ZSCORE', lease, taskId) == leaseExpiresAtS then
    redis.call('ZREM', lease, taskId)
    left[#left + 1] = taskId
    redis.call('RPUSH', pending, taskId)
    redis.pcall('HSET', task, 'state', 'pending', 'pending_since', pendingSinceNs)
  end
end
leaveActive(active, left)
markFetch(mark, call, leaseExpiresAtS, '')
return #left
