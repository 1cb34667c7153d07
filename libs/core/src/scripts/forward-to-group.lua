-- forward-to-group: give due tasks back to the groups they were in before somebody ran them one by one.
--
-- KEYS[1]   source     zset  asynq:{q}:scheduled or asynq:{q}:retry   score: due time, unix seconds
-- KEYS[2]   groups     set   asynq:{q}:groups
-- KEYS[3]   fullSizes  zset  asynq:{q}:full_sizes                     sizes of groups that aggregators wait for
-- KEYS[4..] task       hash  asynq:{q}:t:<id>                         one per task
-- KEYS[..]  group      zset  asynq:{q}:g:<group>                      one per task; score: time added, unix seconds
-- ARGV[1]   addedAtS       unix s
-- ARGV[2]   groupsChannel  told which groups are full
-- ARGV[3..] per task: taskId, score (as read before; another score means that somebody else moved the task), dueAtMs (as read before, or empty; another one means that the task was rescheduled), groupName
-- RETURNS how many were moved
--         Adds the name to `groups` too. asynq 0.26 does not, and the tasks wait unseen.
-- COST    O(tasks x log n)
--@include tell-full-groups
--@include need-type
local source, groups = KEYS[1], KEYS[2]
local addedAtS, groupsChannel = ARGV[1], ARGV[2]
local FIRST_TASK, ARGS, FIELDS = 4, 2, 4
local tasks = (#ARGV - ARGS) / FIELDS
local firstGroup = FIRST_TASK + tasks
local fullSizes = readFullSizes(KEYS[3])

needType('set', groups)
local moved, fullGroups = 0, {}
for i = 1, tasks do
  local task, group, at = KEYS[FIRST_TASK + i - 1], KEYS[firstGroup + i - 1], ARGS + (i - 1) * FIELDS
  local taskId, score, dueAtMs, groupName = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  if redis.call('ZSCORE', source, taskId) == score and (redis.call('HGET', task, 'due_at_ms') or '') == dueAtMs then
    redis.call('ZADD', group, addedAtS, taskId)
    redis.call('ZREM', source, taskId)
    redis.call('SADD', groups, groupName)
    redis.call('HSET', task, 'state', 'aggregating')
    redis.call('HDEL', task, 'due_at_ms')
    if isFull(group, fullSizes) then fullGroups[groupName] = true end
    moved = moved + 1
  end
end
tellFullGroups(fullGroups, groupsChannel)
return moved
