-- delete-completed: delete completed tasks whose retention ended.
--
-- KEYS[1]   completed  zset  asynq:{q}:completed   score: deletion time, unix seconds
-- KEYS[2..] task       hash  asynq:{q}:t:<id>      one per task
-- ARGV[1]   nowS  unix s
-- ARGV[2..] per task: taskId
-- REPLY   integer
-- RETURNS number of tasks deleted; one that is not due, or no longer completed, is left alone
-- COST    O(tasks x log n)
local completed = KEYS[1]
local nowS = tonumber(ARGV[1])

local deleted = 0
for at = 2, #ARGV do
  local task, taskId = KEYS[at], ARGV[at]
  local score = redis.call('ZSCORE', completed, taskId)
  if score and tonumber(score) <= nowS then
    redis.call('ZREM', completed, taskId)
    redis.call('DEL', task)
    deleted = deleted + 1
  end
end
return deleted
