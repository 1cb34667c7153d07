-- Whether a key is a task with a message; a key of another type is not.
local function hasMessage(task)
  return redis.pcall('HEXISTS', task, 'msg') == 1
end

-- Deletes the stub of a task without a message. A key of another type is not ours to delete.
local function deleteStub(task)
  if redis.call('TYPE', task).ok == 'hash' then redis.call('DEL', task) end
end
