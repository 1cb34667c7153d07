-- Why a new task may not be written, as the reply to its caller; nil when it may, and then its lock is taken. The id is
-- looked at before the lock, so that a refusal leaves no lock behind.
local function refusal(task, taskId, message, lock, ttlS, isRepeat)
  if redis.call('EXISTS', task) == 1 then
    return (isRepeat and redis.call('HGET', task, 'msg') == message) and 1 or 0
  end
  if lock and not redis.call('SET', lock, taskId, 'NX', 'EX', ttlS) then return redis.call('GET', lock) end
  return nil
end
