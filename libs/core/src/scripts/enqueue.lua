-- enqueue: write new tasks: to run at once, later, or with others of a group.
--
-- KEYS[1]   pending         list    asynq:{q}:pending               new ids at the left
-- KEYS[2]   scheduled       zset    asynq:{q}:scheduled             score: process-at, unix seconds
-- KEYS[3]   completed       zset    asynq:{q}:completed             score: deletion time, unix seconds
-- KEYS[4]   groups          set     asynq:{q}:groups                names of groups
-- KEYS[5]   expectedGroups  zset    asynq:{q}:expected_groups       names of groups that tasks will join; score: until when, unix seconds
-- KEYS[6]   fullSizes       zset    asynq:{q}:full_sizes            sizes of groups that aggregators wait for
-- KEYS[7..] task            hash    asynq:{q}:t:<id>                one per task
-- KEYS[..]  group           zset    asynq:{q}:g:<group>             one per task that joins its group at once, in their order; score: time added, unix seconds
-- KEYS[..]  lock            string  asynq:{q}:unique:<type>:<md5>   one per task with a ttl, in their order
-- ARGV[1]   nowS           unix s
-- ARGV[2]   nowNs          unix ns
-- ARGV[3]   isRepeat       1 after a lost reply: a task with the same bytes is ours
-- ARGV[4]   joining        how many tasks join their groups at once
-- ARGV[5]   forgetUntilS   unix s; groups that were expected until then are forgotten, should no server of ours do it
-- ARGV[6]   nudgeChannel   told when a task goes ahead of all that are scheduled
-- ARGV[7]   groupsChannel  told which groups are full
-- ARGV[8..] per task: @new-task
-- RETURNS per task 1 written
--                  0 the id is taken, in any state; nothing written. Completed, with its retention over, is not taken
--                  text: id of the task that holds the lock, empty when the key is of another type; nothing written
--         Kinder than asynq 0.26, which takes the lock first and leaks it when the id exists, and leaves the lock of a task
--         in a group until its TTL.
--         Keeps the group of a delayed task, and expects it: a forwarder of Go puts the task into its group and adds no
--         name. The name is not added before: asynq's inspector divides by the size of a group. asynq 0.26 forgets the
--         group, and the task runs by itself.
-- COST    O(tasks x log n), and for each task that joins a group a look at every size of full_sizes
--@include keys-from
--@include expect-group
--@include new-task
--@include tell-full-groups
--@include need-type
local expectedGroups, isRepeat, joining = KEYS[5], ARGV[3] == '1', tonumber(ARGV[4])
local forgetUntilS, nudgeChannel, groupsChannel = ARGV[5], ARGV[6], ARGV[7]
local FIRST_TASK, ARGS = 7, 7
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
local fullGroups, earliest, firstS, hasExpected = {}, nil, nil, false

needType('list', queue.pending)
needType('zset', queue.scheduled)
needType('set', queue.groups)
local replies = {}
for i = 1, tasks do
  local task, new = KEYS[FIRST_TASK + i - 1], newTaskAt(ARGS + (i - 1) * NEW_TASK_FIELDS)
  local group = nextGroup(new.groupName ~= '' and not new.isDelayed)
  local lock = nextLock(new.hasLock)
  -- The id is looked at before the lock.
  local isTaken, isExpired = idTaken(task, new.taskId, queue.completed, queue.nowS)
  local holder = not isTaken and lockHolder(lock)

  if isTaken then
    replies[i] = (isRepeat and redis.pcall('HGET', task, 'msg') == new.message) and 1 or 0
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
    if group and isFull(group, fullSizes) then fullGroups[new.groupName] = true end
    replies[i] = 1
  end
end
if hasExpected then
  local forgotten = redis.pcall('ZRANGEBYSCORE', expectedGroups, '-inf', forgetUntilS, 'LIMIT', 0, 1000)
  if #forgotten > 0 then redis.call('ZREM', expectedGroups, unpack(forgotten)) end
end
if earliest then nudge(earliest, firstS, nudgeChannel) end
tellFullGroups(fullGroups, groupsChannel)
return replies
