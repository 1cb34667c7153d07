-- A new task, as `newTaskArgs` sends it, and the one place that writes its hash. A further field of ours takes a name in the
-- line below and here, a value in `newTaskArgs`, and a HSET in `writeNewTask`.
--@fields taskId, message (protobuf), processAtS (unix s, rounded up; 0: at once), dueAtMs (unix ms), groupName (empty: none), uniqueTtlS (0: no lock)
local NEW_TASK_FIELDS = 6
local function newTaskAt(at)
  return {
    taskId = ARGV[at + 1],
    message = ARGV[at + 2],
    processAtS = ARGV[at + 3],
    dueAtMs = ARGV[at + 4],
    groupName = ARGV[at + 5],
    uniqueTtlS = ARGV[at + 6],
    isDelayed = ARGV[at + 3] ~= '0',
    hasLock = ARGV[at + 6] ~= '0',
  }
end

-- Whether a task of this id is in the way of a new one. A completed task whose retention is over is not, although the
-- janitor has not come by yet: then the second result is true, and clearExpired makes room. A key of another type is.
local function idTaken(task, taskId, completed, nowS)
  if redis.call('EXISTS', task) == 0 then return false, false end
  if redis.pcall('HGET', task, 'state') ~= 'completed' then return true, false end
  local deleteAtS = redis.call('ZSCORE', completed, taskId)
  local isExpired = deleteAtS ~= false and tonumber(deleteAtS) <= nowS
  return not isExpired, isExpired
end

local function clearExpired(task, taskId, completed)
  redis.call('ZREM', completed, taskId)
  redis.call('DEL', task)
end

-- The id of the task that holds a lock, false when none does; '' when the key is of another type.
local function lockHolder(lock)
  local holder = lock and redis.pcall('GET', lock)
  if type(holder) == 'table' then return '' end
  return holder
end

-- Writes a task whose id and lock are free. `queue` holds the keys and times of its queue. Without `group`, the key of its
-- group, a task runs by itself; a delayed one joins its group when it is due, if `queue` has `expectedGroups`.
local function writeNewTask(new, task, lock, group, queue)
  if lock then
    redis.call('SET', lock, new.taskId, 'EX', new.uniqueTtlS)
    redis.call('HSET', task, 'unique_key', lock)
  end
  if new.isDelayed then
    redis.call('HSET', task, 'msg', new.message, 'state', 'scheduled', 'due_at_ms', new.dueAtMs)
    if queue.expectedGroups and new.groupName ~= '' then
      redis.call('HSET', task, 'group', new.groupName)
      expectGroup(queue.expectedGroups, new.groupName, new.processAtS, queue.nowS)
    end
    redis.call('ZADD', queue.scheduled, new.processAtS, new.taskId)
  elseif group then
    redis.call('HSET', task, 'msg', new.message, 'state', 'aggregating', 'group', new.groupName)
    redis.call('ZADD', group, queue.nowS, new.taskId)
    redis.call('SADD', queue.groups, new.groupName)
  else
    redis.call('HSET', task, 'msg', new.message, 'state', 'pending', 'pending_since', queue.nowNs)
    redis.call('LPUSH', queue.pending, new.taskId)
  end
end

-- Tells forwarders when a task goes ahead of all that were scheduled; `firstS` is the score of the first of these.
local function nudge(new, firstS, nudgeChannel)
  local goesAhead = new.isDelayed and (not firstS or tonumber(new.processAtS) <= tonumber(firstS))
  if goesAhead then redis.pcall('PUBLISH', nudgeChannel, '') end -- a hint: where it is forbidden, forwarders poll
end
