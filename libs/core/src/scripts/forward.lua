-- forward: let due tasks run.
--
-- KEYS[1]   source   zset  asynq:{q}:scheduled or asynq:{q}:retry   score: due time, unix seconds
-- KEYS[2]   pending  list  asynq:{q}:pending                        new ids at the left
-- KEYS[3..] task     hash  asynq:{q}:t:<id>                         one per task
-- ARGV[1]   pendingSinceNs  unix ns
-- ARGV[2..] per task: taskId, score (as read before; another score means that somebody else moved the task)
-- RETURNS how many were moved
-- COST    O(tasks x log n)
local source, pending = KEYS[1], KEYS[2]
local pendingSinceNs = ARGV[1]

local moved = 0
for at = 2, #ARGV, 2 do
  local task, taskId, score = KEYS[2 + at / 2], ARGV[at], ARGV[at + 1]
  if redis.call('ZSCORE', source, taskId) == score then
    redis.call('ZREM', source, taskId)
    redis.call('LPUSH', pending, taskId)
    redis.call('HSET', task, 'state', 'pending', 'pending_since', pendingSinceNs)
    redis.call('HDEL', task, 'due_at_ms')
    moved = moved + 1
  end
end
return moved
