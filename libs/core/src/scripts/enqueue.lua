-- enqueue: write new tasks, to run at once, later, or aggregated with their group.
--
-- KEYS[1]   pending         list    asynq:{q}:pending               new ids at the left
-- KEYS[2]   scheduled       zset    asynq:{q}:scheduled             score: process-at, unix seconds
-- KEYS[3]   completed       zset    asynq:{q}:completed             score: deletion time, unix seconds
-- KEYS[4]   groups          set     asynq:{q}:groups                names of groups
-- KEYS[5]   expectedGroups  zset    asynq:{q}:expected_groups       names of groups that tasks will join; score: until when, unix seconds
-- KEYS[6]   fullSizes       zset    asynq:{q}:full_sizes            sizes of groups that aggregators wait for
-- KEYS[7]   mark            string  asynq:{q}:enqueued:<lane>       the last call of a lane of a client, and which of its tasks were written
-- KEYS[8]   newest          zset    asynq:{q}:groups_by_newest      names of groups by when their newest task joined
-- KEYS[9]   oldest          zset    asynq:{q}:groups_by_oldest      names of groups by when their oldest task joined
-- KEYS[10..] task           hash    asynq:{q}:t:<id>                one per task
-- KEYS[..]  group           zset    asynq:{q}:g:<group>             one per task that joins its group at once, in their order; score: time added, unix seconds
-- KEYS[..]  lock            string  asynq:{q}:unique:<type>:<md5>   one per task with a ttl, in their order
-- ARGV[1]   nowS           unix s
-- ARGV[2]   nowNs          unix ns
-- ARGV[3]   call           number of the call in its lane; a repeat has the same one, later calls have higher ones
-- ARGV[4]   markLifeS      seconds
-- ARGV[5]   joining        number of tasks that join their groups at once
-- ARGV[6]   forgetUntilS   unix s; groups expected until then are forgotten, in case no server of ours does it
-- ARGV[7]   nudgeChannel   notified when a task is due before all scheduled ones
-- ARGV[8]   groupsChannel  receives the names of full groups
-- ARGV[9..] per task: @new-task
-- REPLY   {integer | text | {text, text, text} per task}
-- RETURNS per task 1 written, now or by an earlier attempt of the same call, wherever the task is by now
--                  0 the id is taken, in any state; nothing written. A completed task past its retention frees its id
--                  text: id of the task that holds the lock, empty when the key is of another type; nothing written
--                  {key, type found, type needed}: a key that the task needs is of another type; nothing written
--         nothing at all: a copy of the call that arrives after a later call of the lane; nothing written
--         Unlike here, asynq 0.26 takes the lock first and leaks it when the id exists, and keeps the lock of a task
--         in a group until its TTL.
--         Stores the group of a delayed task and expects it: Go's forwarder puts the task into its group and adds no
--         name. The name is not added before: asynq's inspector divides by the size of a group. asynq 0.26 forgets the
--         group, and the task runs by itself.
-- COST    O(tasks x log n), and for each task that joins a group O(sizes in full_sizes)
--@include keys-from
--@include expect-group
--@include group-times
--@include need-type
--@include task-hash
--@include new-task
--@include enqueue-mark
--@include publish-full-groups
local expectedGroups, mark = KEYS[5], KEYS[7]
local call, markLifeS, joining = ARGV[3], ARGV[4], tonumber(ARGV[5])
local forgetUntilS, nudgeChannel, groupsChannel = ARGV[6], ARGV[7], ARGV[8]
local FIRST_TASK, ARGS = 10, 8
local tasks = (#ARGV - ARGS) / NEW_TASK_FIELDS
local nextGroup = keysFrom(FIRST_TASK + tasks)
local nextLock = keysFrom(FIRST_TASK + tasks + joining)
local queue = {
  pending = KEYS[1],
  scheduled = KEYS[2],
  completed = KEYS[3],
  groups = KEYS[4],
  expectedGroups = expectedGroups,
  nowS = tonumber(ARGV[1]),
  nowNs = ARGV[2],
}
local fullSizes = joining > 0 and readFullSizes(KEYS[6])
local groupTimes = joining > 0 and readGroupTimes(KEYS[8], KEYS[9])
local fullGroups, earliest, firstS, hasExpected = {}, nil, nil, false

local known = {}
local function refusal(kind, key)
  if known[key] == nil then
    local found = oddType(kind, key)
    known[key] = found and { key, found, kind } or false
  end
  return known[key]
end

-- A failure of one task does not affect the others.
local function refusalOf(new, group)
  if new.isDelayed then return refusal('zset', queue.scheduled) end
  if group then return refusal('zset', group) or refusal('set', queue.groups) end
  return refusal('list', queue.pending)
end

local writtenBefore, isRepeat = readMark(mark, call)
if not writtenBefore then return {} end

local replies, written, isAnyNew = {}, {}, false
for i = 1, tasks do
  local task, new = KEYS[FIRST_TASK + i - 1], newTaskAt(ARGS + (i - 1) * NEW_TASK_FIELDS)
  local group = nextGroup(new.groupName ~= '' and not new.isDelayed)
  local lock = nextLock(new.hasLock)
  -- The id is checked before the lock.
  local isTaken, isExpired = idTaken(task, new.taskId, queue.completed, queue.nowS)
  local holder = not isTaken and lockHolder(lock)
  local refused = refusalOf(new, group)

  if string.sub(writtenBefore, i, i) == '1' then
    replies[i] = 1
  elseif refused then
    replies[i] = refused
  elseif isTaken then
    replies[i] = 0
  elseif holder then
    replies[i] = holder
  else
    if isExpired then clearExpired(task, new.taskId, queue.completed) end
    if new.isDelayed then
      if not earliest then firstS = redis.call('ZRANGE', queue.scheduled, 0, 0, 'WITHSCORES')[2] end
      if not earliest or tonumber(new.processAtS) < tonumber(earliest.processAtS) then earliest = new end
      hasExpected = hasExpected or new.groupName ~= ''
    end
    writeNewTask(new, task, lock, group, queue)
    if group then
      noteJoin(groupTimes, new.groupName, queue.nowS)
      if isFull(group, fullSizes) then fullGroups[new.groupName] = true end
    end
    replies[i] = 1
    isAnyNew = true
  end
  written[i] = replies[i] == 1 and '1' or '0'
end
if isAnyNew then
  writeMark(mark, call, table.concat(written), markLifeS)
elseif isRepeat then
  renewMark(mark, markLifeS)
end
if hasExpected then
  local forgotten = redis.pcall('ZRANGEBYSCORE', expectedGroups, '-inf', forgetUntilS, 'LIMIT', 0, 1000)
  if #forgotten > 0 then redis.call('ZREM', expectedGroups, unpack(forgotten)) end
end
if earliest then nudge(earliest, firstS, nudgeChannel) end
publishFullGroups(fullGroups, groupsChannel)
return replies
