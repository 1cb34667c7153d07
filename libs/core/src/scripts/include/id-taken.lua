-- Whether a task of this id is in the way of a new one. A completed task whose retention is over is not, although the
-- janitor has not come by yet: then the second result is true, and clearExpired makes room.
local function idTaken(task, taskId, completed, nowS)
  if redis.call('EXISTS', task) == 0 then return false, false end
  if redis.call('HGET', task, 'state') ~= 'completed' then return true, false end
  local deleteAtS = redis.call('ZSCORE', completed, taskId)
  local isExpired = deleteAtS ~= false and tonumber(deleteAtS) <= nowS
  return not isExpired, isExpired
end

local function clearExpired(task, taskId, completed)
  redis.call('ZREM', completed, taskId)
  redis.call('DEL', task)
end
