-- A new task, as `newTaskArgs` sends it; with `task-hash.lua` the only place that writes its hash. To add a field of ours,
-- name it in the line below and in `newTaskAt`, give it a value in `newTaskArgs`, and HSET it in `writeNewTask`. A task that
-- has it must not be `isPlain` in `enqueue.ts`: `enqueue-pending` writes the message only.
--@fields taskId, message (protobuf), processAtS (unix s, rounded up; 0: at once), dueAtMs (unix ms), groupName (empty: none), uniqueTtlS (0: no lock), backoff (kind, delay, longest delay, jitter; empty: none)
local NEW_TASK_FIELDS = 7
local function newTaskAt(at)
  return {
    taskId = ARGV[at + 1],
    message = ARGV[at + 2],
    processAtS = ARGV[at + 3],
    dueAtMs = ARGV[at + 4],
    groupName = ARGV[at + 5],
    uniqueTtlS = ARGV[at + 6],
    backoff = ARGV[at + 7],
    isDelayed = ARGV[at + 3] ~= '0',
    hasLock = ARGV[at + 6] ~= '0',
  }
end

-- The id of the task that holds a lock; false when it is free, '' when the key is of another type.
local function lockHolder(lock)
  local holder = lock and redis.pcall('GET', lock)
  if type(holder) == 'table' then return '' end
  return holder
end

-- Fails if the list or set that a new task without a group goes to is of another type.
local function needTarget(new, queue)
  if new.isDelayed then
    needType('zset', queue.scheduled)
  else
    needType('list', queue.pending)
  end
end

-- Writes a task whose id and lock are free. `queue` holds the keys and times of its queue, `group` is the key of the
-- task's group; without it the task runs by itself. A delayed task joins its group when due, if `queue` has
-- `expectedGroups`.
local function writeNewTask(new, task, lock, group, queue)
  if lock then
    redis.call('SET', lock, new.taskId, 'EX', new.uniqueTtlS)
    redis.call('HSET', task, 'unique_key', lock)
  end
  if new.backoff ~= '' then redis.call('HSET', task, 'backoff', new.backoff) end
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
    writePending(task, new.message, queue.nowNs)
    redis.call('LPUSH', queue.pending, new.taskId)
  end
end

-- Notifies forwarders when a task is due before all scheduled ones; `firstS` is the score of the first of these.
local function nudge(new, firstS, nudgeChannel)
  local goesAhead = new.isDelayed and (not firstS or tonumber(new.processAtS) <= tonumber(firstS))
  if goesAhead then redis.pcall('PUBLISH', nudgeChannel, '') end -- a hint: without the right to publish, forwarders poll
end
