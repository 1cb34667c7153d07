-- due-times: read when tasks are due that wait for their time, and the groups they go back to.
--
-- KEYS[1..] task  hash  asynq:{q}:t:<id>   one per id
-- RETURNS per task: due_at_ms or nil, group or nil, 1 when it has a message, else 0
-- COST    O(tasks)
local reply = {}
for i, task in ipairs(KEYS) do
  local fields = redis.pcall('HMGET', task, 'due_at_ms', 'group') -- an error for a key of another type
  reply[3 * i - 2], reply[3 * i - 1] = fields[1] or false, fields[2] or false
  reply[3 * i] = redis.pcall('HEXISTS', task, 'msg') == 1 and 1 or 0
end
return reply
