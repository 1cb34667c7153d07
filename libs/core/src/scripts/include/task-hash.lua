-- Whether an existing task, or a key of another type, blocks this id. A completed task past its retention does not
-- block it, even before the janitor has deleted it: then the second result is true, and clearExpired deletes it.
local function idTaken(task, taskId, completed, nowS)
  if redis.call('EXISTS', task) == 0 then return false, false end
  if redis.pcall('HGET', task, 'state') ~= 'completed' then return true, false end
  local deleteAtS = redis.pcall('ZSCORE', completed, taskId) -- an error for a key of another type
  local isExpired = type(deleteAtS) == 'string' and tonumber(deleteAtS) <= nowS
  return not isExpired, isExpired
end

local function clearExpired(task, taskId, completed)
  redis.call('ZREM', completed, taskId)
  redis.call('DEL', task)
end

-- Writes the hash of a task that runs at once; the caller puts its id into the list.
local function writePending(task, message, nowNs)
  redis.call('HSET', task, 'msg', message, 'state', 'pending', 'pending_since', nowNs)
end
