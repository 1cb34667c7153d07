-- Tells those who wait for a task how it ended: 'deleted', 'completed' or 'archived' by its server, 'archived' or
-- 'removed' by an inspector, 'removed' when it was made into another. A message is a hint: where publishing is forbidden,
-- they poll. Of a task that was deleted after success nothing else is left to see, so a member of `awaited` tells of it.
local function tellWaiters(awaited, endedChannel, ending, taskId)
  local untilS = redis.pcall('ZSCORE', awaited, taskId)
  if type(untilS) ~= 'string' then return end -- nobody waits, or `awaited` is of another type
  redis.call('ZREM', awaited, taskId)
  if ending == 'deleted' then redis.call('ZADD', awaited, untilS, '\0deleted ' .. taskId) end
  redis.pcall('PUBLISH', endedChannel, ending .. ' ' .. taskId)
end
