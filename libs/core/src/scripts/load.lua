-- load: read tasks just claimed and mark them active. The strict form of fetch.lua, second half.
--
-- KEYS[1]   pending  list  asynq:{q}:pending   the right end is next
-- KEYS[2]   active   list  asynq:{q}:active    newest at the left
-- KEYS[3]   lease    zset  asynq:{q}:lease     score: lease expiry, unix seconds
-- KEYS[4..] task     hash  asynq:{q}:t:<id>    one per id
-- ARGV[1]   leaseExpiresAtS  unix s, as claimed
-- ARGV[2]   mostBytes        of messages; the claimed tasks from the first that would exceed them on, which is not the first of all, go back to the head of the queue in their order
-- ARGV[3..] per task: taskId
-- RETURNS per task that did not go back: message or nil, unknown_since_ms or nil
-- COST    O(tasks)
local pending, active, lease = KEYS[1], KEYS[2], KEYS[3]
local leaseExpiresAtS, mostBytes = ARGV[1], tonumber(ARGV[2])
local FIRST_TASK, ARGS = 4, 2
local tasks = #ARGV - ARGS

local reply, bytes, cutAt = {}, 0, tasks + 1
for i = 1, tasks do
  local fields = redis.pcall('HMGET', KEYS[FIRST_TASK + i - 1], 'msg', 'unknown_since_ms') -- an error for a key of another type
  if fields[1] then
    bytes = bytes + #fields[1]
    if bytes > mostBytes and bytes > #fields[1] then
      cutAt = i
      break
    end
  end
  reply[2 * i - 1], reply[2 * i] = fields[1] or false, fields[2] or false -- a nil would end the reply
end

for i = 1, cutAt - 1 do
  if reply[2 * i - 1] then
    redis.call('HSET', KEYS[FIRST_TASK + i - 1], 'state', 'active')
    redis.call('HDEL', KEYS[FIRST_TASK + i - 1], 'pending_since', 'cancel_then', 'progress')
  end
end
for i = tasks, cutAt, -1 do -- what is pushed last runs first
  local taskId = ARGV[ARGS + i]
  if redis.call('ZSCORE', lease, taskId) == leaseExpiresAtS then
    redis.call('ZREM', lease, taskId)
    redis.call('LREM', active, 1, taskId)
    redis.call('RPUSH', pending, taskId)
  end
end
return reply
