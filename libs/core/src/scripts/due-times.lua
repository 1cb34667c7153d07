-- due-times: read the due times of scheduled and retry tasks, and the groups they join.
--
-- KEYS[1..] task  hash  asynq:{q}:t:<id>   one per id
-- REPLY   {(integer | text | nil, integer | text | nil)...}
-- RETURNS per task: due_at_ms (an integer if that has the same text) or nil; group, 0 without a message, or nil
-- COST    O(tasks)
local reply = {}
for i, task in ipairs(KEYS) do
  local fields = redis.pcall('HMGET', task, 'due_at_ms', 'group') -- an error for a key of another type
  local dueAtMs, group = fields[1] or false, fields[2] or false
  if dueAtMs then
    -- Only we write it, and never without a message. A short reply: most of its values are such integers.
    local number = tonumber(dueAtMs)
    if number and number < 2 ^ 53 and string.format('%.0f', number) == dueAtMs then dueAtMs = number end
  elseif redis.pcall('HEXISTS', task, 'msg') ~= 1 then
    group = 0
  end
  reply[2 * i - 1], reply[2 * i] = dueAtMs, group
end
return reply
