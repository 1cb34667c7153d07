-- forward: move due tasks to pending.
--
-- KEYS[1]   source   zset  asynq:{q}:scheduled or asynq:{q}:retry   score: due time, unix seconds
-- KEYS[2]   pending  list  asynq:{q}:pending                        new ids at the left
-- KEYS[3..] task     hash  asynq:{q}:t:<id>                         one per task
-- ARGV[1]   pendingSinceNs  unix ns
-- ARGV[2..] per task: taskId, score (as read before; another score means that the task was moved since), dueAtMs (as read before, or empty; another one means that the task was rescheduled)
-- REPLY   integer
-- RETURNS number of tasks moved
-- COST    O(tasks x log n)
--@include need-type
local source, pending = KEYS[1], KEYS[2]
local pendingSinceNs = ARGV[1]
local FIRST_TASK, ARGS, FIELDS = 3, 1, 3

local taskIds, due, moved, isMoved = {}, {}, {}, {}
for at = ARGS, #ARGV - FIELDS, FIELDS do taskIds[#taskIds + 1] = ARGV[at + 1] end
local scores = redis.call('ZMSCORE', source, unpack(taskIds))
for i, taskId in ipairs(taskIds) do
  local task, at = KEYS[FIRST_TASK + i - 1], ARGS + (i - 1) * FIELDS
  local score, dueAtMs = ARGV[at + 2], ARGV[at + 3]
  if not isMoved[taskId] and scores[i] == score and (redis.pcall('HGET', task, 'due_at_ms') or '') == dueAtMs then
    isMoved[taskId] = true
    due[#due + 1] = task
    moved[#moved + 1] = taskId
  end
end
if #moved == 0 then return 0 end

needType('list', pending)
redis.call('ZREM', source, unpack(moved))
redis.call('LPUSH', pending, unpack(moved))
for _, task in ipairs(due) do
  redis.call('HSET', task, 'state', 'pending', 'pending_since', pendingSinceNs)
  redis.call('HDEL', task, 'due_at_ms')
end
return #moved
