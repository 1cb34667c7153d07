-- Tells those who wait for a task how it ended: 'deleted', 'completed' or 'archived' by its server, 'archived' or
-- 'removed' by an inspector, 'removed' when it was made into another. A hint: where publishing is forbidden, they poll.
local function tellWaiters(awaited, endedChannel, ending, taskId)
  if redis.pcall('ZREM', awaited, taskId) == 1 then redis.pcall('PUBLISH', endedChannel, ending .. ' ' .. taskId) end
end
