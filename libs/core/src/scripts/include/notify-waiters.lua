-- Notifies clients that wait for a task of its end: 'deleted', 'completed' or 'archived' by its server, 'archived' or
-- 'removed' by an inspector, 'removed' by aggregation. The message is a hint: without the right to publish, clients
-- poll. A task deleted after success leaves no other trace, so a member of `awaited` records it.
local function notifyWaiters(awaited, endedChannel, ending, taskId)
  local untilS = redis.pcall('ZSCORE', awaited, taskId)
  if type(untilS) ~= 'string' then return end -- no client waits, or `awaited` is of another type
  redis.call('ZREM', awaited, taskId)
  if ending == 'deleted' then redis.call('ZADD', awaited, untilS, '\0deleted ' .. taskId) end
  redis.pcall('PUBLISH', endedChannel, ending .. ' ' .. taskId)
end
