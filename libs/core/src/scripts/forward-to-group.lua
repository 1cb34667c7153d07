-- forward-to-group: move due tasks to their groups.
--
-- KEYS[1]   source          zset  asynq:{q}:scheduled or asynq:{q}:retry   score: due time, unix seconds
-- KEYS[2]   groups          set   asynq:{q}:groups
-- KEYS[3]   expectedGroups  zset  asynq:{q}:expected_groups                names to be added to groups later
-- KEYS[4]   fullSizes       zset  asynq:{q}:full_sizes                     sizes of groups that aggregators wait for
-- KEYS[5]   newest          zset  asynq:{q}:groups_by_newest               names of groups by when their newest task joined
-- KEYS[6]   oldest          zset  asynq:{q}:groups_by_oldest               names of groups by when their oldest task joined
-- KEYS[7..] task            hash  asynq:{q}:t:<id>                         one per task
-- KEYS[..]  group           zset  asynq:{q}:g:<group>                      one per task; score: time added, unix seconds
-- ARGV[1]   addedAtS       unix s
-- ARGV[2]   groupsChannel  receives the names of full groups
-- ARGV[3..] per task: taskId, score (as read before; another score means that the task was moved since), dueAtMs (as read before, or empty; another one means that the task was rescheduled), groupName
-- REPLY   {integer, (text, text)...}
-- RETURNS {number of tasks moved, key of a group that is of another type or nil, its type}
--         The tasks of such a group stay, and are due again a minute later, so that they do not hold up the others.
--         Adds the name to `groups` too. asynq 0.26 does not, so that no aggregator finds the tasks.
-- COST    O(tasks x log n)
--@include allow-writes
--@include expect-group
--@include group-times
--@include name-group
--@include publish-full-groups
--@include need-type
local source, groups, expectedGroups = KEYS[1], KEYS[2], KEYS[3]
local addedAtS, groupsChannel = ARGV[1], ARGV[2]
local FIRST_TASK, ARGS, FIELDS = 7, 2, 4
local tasks = (#ARGV - ARGS) / FIELDS
local firstGroup = FIRST_TASK + tasks
local fullSizes = readFullSizes(KEYS[4])
local groupTimes = readGroupTimes(KEYS[5], KEYS[6])

allowWrites(source)
local moved, fullGroups, oddGroup = 0, {}, nil
for i = 1, tasks do
  local task, group, at = KEYS[FIRST_TASK + i - 1], KEYS[firstGroup + i - 1], ARGS + (i - 1) * FIELDS
  local taskId, score, dueAtMs, groupName = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  if redis.call('ZSCORE', source, taskId) == score and (redis.pcall('HGET', task, 'due_at_ms') or '') == dueAtMs then
    if oddType('zset', group) then
      oddGroup = group
      redis.call('ZADD', source, addedAtS + 60, taskId)
    else
      redis.call('ZADD', group, addedAtS, taskId)
      redis.call('ZREM', source, taskId)
      nameGroup(groups, expectedGroups, groupName, tonumber(addedAtS))
      noteJoin(groupTimes, groupName, addedAtS)
      redis.call('HSET', task, 'state', 'aggregating')
      redis.call('HDEL', task, 'due_at_ms')
      if isFull(group, fullSizes) then fullGroups[groupName] = true end
      moved = moved + 1
    end
  end
end
publishFullGroups(fullGroups, groupsChannel)
return { moved, oddGroup, oddGroup and redis.call('TYPE', oddGroup).ok }
