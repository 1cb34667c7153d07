-- The mark of a call: '<call> <1 or 0 per task>'. Returns which tasks an earlier attempt of the call has written, as
-- such digits, and whether there was one; nil when a later call of the lane has been here. A key of another type is
-- replaced.
local function readMark(mark, call)
  local stored = redis.pcall('GET', mark)
  local lastCall, written = string.match(type(stored) == 'string' and stored or '', '^(%d+) ([01]*)$')
  if lastCall and tonumber(lastCall) > tonumber(call) then return nil end
  if lastCall ~= call then return '', false end
  return written, true
end

local function writeMark(mark, call, written, lifeS)
  redis.call('SET', mark, call .. ' ' .. written, 'EX', lifeS)
end

-- A write, so that WAIT on this connection covers those of the first attempt.
local function renewMark(mark, lifeS)
  redis.call('EXPIRE', mark, lifeS)
end
