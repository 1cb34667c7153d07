-- load: read tasks just claimed and mark them active. Second half of the strict form of fetch.lua.
--
-- KEYS[1]   pending  list  asynq:{q}:pending   the right end is next
-- KEYS[2]   active   list  asynq:{q}:active    newest at the left
-- KEYS[3]   lease    zset  asynq:{q}:lease     score: lease expiry, unix seconds
-- KEYS[4]   mark     string  asynq:{q}:fetched:<lane>   the last fetch of the lane, see include/mark-fetch.lua
-- KEYS[5..] task     hash  asynq:{q}:t:<id>    one per id
-- ARGV[1]   leaseExpiresAtS  unix s, as claimed
-- ARGV[2]   mostBytes        of messages; from the task on that would exceed it, unless that is the first, the claimed tasks return to the head of the queue in their order
-- ARGV[3]   call             number of the call in its lane, as claimed
-- ARGV[4]   withSince        1: is wanted since when tasks were pending
-- ARGV[5..] per task: taskId
-- REPLY   {{(integer, text | nil, text | nil, integer | nil)...}, (text | nil)...}
-- RETURNS notes, as of fetch.lua, then per task that was not returned its message or nil; no task at all for a copy of the call that
--         arrives after the server has gone on without its reply
-- COST    O(tasks)
--@include allow-writes
--@include begin-attempt
--@include mark-fetch
--@include need-type
--@include task-notes
local pending, active, lease, mark = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local leaseExpiresAtS, mostBytes, call, withSince = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4] == '1'
local FIRST_TASK, ARGS = 5, 4
local tasks = #ARGV - ARGS
if isOvertaken(mark, call) then return { {} } end

local reply, notes, bytes, cutAt = {}, {}, 0, tasks + 1
reply[1] = notes
for i = 1, tasks do
  local fields = redis.pcall('HMGET', KEYS[FIRST_TASK + i - 1], 'msg', 'unknown_since_ms', 'crashes', 'pending_since') -- an error for a key of another type
  local message = fields[1]
  if message then
    bytes = bytes + #message
    if bytes > mostBytes and bytes > #message then
      cutAt = i
      break
    end
    addNotes(notes, i - 1, fields[2], fields[3], withSince and fields[4])
  end
  reply[i + 1] = message or false
end

allowWrites(lease)
for i = 1, cutAt - 1 do
  if reply[i + 1] then beginAttempt(KEYS[FIRST_TASK + i - 1]) end
end
if cutAt <= tasks then
  needType('list', pending, active)
  needType('zset', lease)
end
for i = tasks, cutAt, -1 do -- the last one pushed runs first
  local taskId = ARGV[ARGS + i]
  if redis.call('ZSCORE', lease, taskId) == leaseExpiresAtS then
    redis.call('ZREM', lease, taskId)
    redis.call('LREM', active, 1, taskId)
    redis.call('RPUSH', pending, taskId)
  end
end
if cutAt <= tasks then markFetch(mark, call, leaseExpiresAtS, joinedIds({ unpack(ARGV, ARGS + 1, ARGS + cutAt - 1) })) end
return reply
