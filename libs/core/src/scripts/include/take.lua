-- Takes an id out of the list or the sorted set it waits in; false when it is not there. `nearTail` says at which end
-- of a list the search begins.
local function take(source, isList, nearTail, taskId)
  if isList then return redis.call('LREM', source, nearTail and -1 or 1, taskId) == 1 end
  return redis.call('ZREM', source, taskId) == 1
end
