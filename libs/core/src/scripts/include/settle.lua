-- The frame of every script that ends attempts. For each task that is still this server's it calls `write`, and takes the task
-- out of `lease` and `active`. Arguments of a task begin with its id and its own lease scores, comma separated. `lockOf` gives
-- the lock of the task at an argument; locks are keys that come in the order of the tasks. `write` stores the message first:
-- when that is refused, the key is of another type by now, and the outcome is dropped: it stops no other.
-- Returns a reply for each task, 1 or 0, and how many were ended.
local function settle(active, lease, firstTask, firstArg, fields, write, lockOf)
  local replies, left, ended = {}, {}, 0
  for i = 1, (#ARGV - firstArg) / fields do
    local task, at = KEYS[firstTask + i - 1], firstArg + (i - 1) * fields
    local taskId, lock = ARGV[at + 1], lockOf and lockOf(at)
    replies[i] = 0
    if ownsLease(lease, taskId, ARGV[at + 2]) then
      if write(task, taskId, at, lock) ~= false then
        replies[i] = 1
        ended = ended + 1
      end
      redis.call('ZREM', lease, taskId)
      left[#left + 1] = taskId
    end
  end
  leaveActive(active, left)
  return replies, ended
end

-- Stores fields of a task; false when its key is of another type by now.
local function store(task, ...)
  return type(redis.pcall('HSET', task, ...)) == 'number'
end
