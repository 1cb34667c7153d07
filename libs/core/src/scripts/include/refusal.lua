-- Why a new task may not be written, as the reply to its caller; nil when it may, and then its lock is taken and its id
-- free. The id is looked at before the lock, so that a refusal leaves no lock behind. Needs id-taken.
local function refusal(task, taskId, message, lock, ttlS, isRepeat, completed, nowS)
  local isTaken, isExpired = idTaken(task, taskId, completed, nowS)
  if isTaken then return (isRepeat and redis.call('HGET', task, 'msg') == message) and 1 or 0 end
  if lock and not redis.call('SET', lock, taskId, 'NX', 'EX', ttlS) then return redis.call('GET', lock) end
  if isExpired then clearExpired(task, taskId, completed) end
  return nil
end
