-- load: read tasks just claimed and mark them active. The strict form of fetch.lua, second half.
--
-- KEYS[1..] task  hash  asynq:{q}:t:<id>   one per id
-- RETURNS per task: message or nil, unknown_since_ms or nil
-- COST    O(tasks)
local reply = {}
for i, task in ipairs(KEYS) do
  local fields = redis.call('HMGET', task, 'msg', 'unknown_since_ms')
  if fields[1] then
    redis.call('HSET', task, 'state', 'active')
    redis.call('HDEL', task, 'pending_since', 'cancel_then', 'progress')
  end
  reply[2 * i - 1], reply[2 * i] = fields[1], fields[2]
end
return reply
