-- Releases a unique lock, but only for the task that holds it.
local function unlock(lockKey, taskId)
  if lockKey and redis.pcall('GET', lockKey) == taskId then redis.call('DEL', lockKey) end
end
