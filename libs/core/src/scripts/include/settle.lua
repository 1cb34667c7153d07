-- The frame of every script that ends attempts. Removes the leases that this server still owns, of up to 1,000 tasks, and
-- returns the places of these tasks in `taskIds`. `leases` holds the own lease scores of each task, comma separated. Comes
-- before all other writes: a full Redis allows it, and then the rest.
local function endLeases(lease, taskIds, leases)
  local owned, ids, isOwned = {}, {}, {}
  if #taskIds == 0 then return owned, ids end
  local scores = redis.call('ZMSCORE', lease, unpack(taskIds))
  for i, taskId in ipairs(taskIds) do
    if not isOwned[taskId] and isNamed(scores[i], leases[i]) then
      isOwned[taskId] = true
      owned[#owned + 1] = i
      ids[#ids + 1] = taskId
    end
  end
  if #ids > 0 then redis.call('ZREM', lease, unpack(ids)) end
  return owned, ids
end

-- Ends attempts with arguments of their own, which begin with task id and leases: calls `write` for each task that is still
-- ours, and removes it from `active`. `lockOf` gives the lock of the task at an argument; locks are keys in the order of the
-- tasks. `write` stores the message first: if the key is of another type by now, that fails, the outcome of this task is
-- dropped, and the others go on. `refuse` may give a reply for a task that is not to be ended: while that is ours, nothing is
-- written for it. Returns a reply for each task, 0, 1 or what `write` or `refuse` returned, and the number of attempts ended.
local function settle(active, lease, firstTask, firstArg, fields, write, lockOf, refuse)
  local taskIds, leases, locks, replies, ended = {}, {}, {}, {}, 0
  for at = firstArg, #ARGV - fields, fields do
    local i = #taskIds + 1
    taskIds[i], leases[i], replies[i] = ARGV[at + 1], ARGV[at + 2], 0
    locks[i] = lockOf and lockOf(at)
    local refused = refuse and refuse(KEYS[firstTask + i - 1])
    if refused and ownsLease(lease, taskIds[i], leases[i]) then
      replies[i], leases[i] = refused, '' -- no lease to end
    end
  end
  local owned, ids = endLeases(lease, taskIds, leases)
  for _, i in ipairs(owned) do
    local reply = write(KEYS[firstTask + i - 1], taskIds[i], firstArg + (i - 1) * fields, locks[i])
    if reply ~= false then
      replies[i] = reply or 1
      ended = ended + 1
    end
  end
  leaveActive(active, ids)
  return replies, ended
end

-- Stores fields of a task; false when its key is of another type by now.
local function store(task, ...)
  return type(redis.pcall('HSET', task, ...)) == 'number'
end
