-- add-to-group: write tasks that wait in groups until they are made into one.
--
-- KEYS[1]   groups     set     asynq:{q}:groups                names of groups
-- KEYS[2]   fullSizes  zset    asynq:{q}:full_sizes            sizes of groups that aggregators wait for
-- KEYS[3]   completed  zset    asynq:{q}:completed             score: deletion time, unix seconds
-- KEYS[4..] task       hash    asynq:{q}:t:<id>                one per task
-- KEYS[..]  group      zset    asynq:{q}:g:<group>             one per task; score: time added, unix seconds
-- KEYS[..]  lock       string  asynq:{q}:unique:<type>:<md5>   one per task with a ttl, in their order
-- ARGV[1]   addedAtS       unix s
-- ARGV[2]   isRepeat       1 after a lost reply: a task with the same bytes is ours
-- ARGV[3]   groupsChannel  told which groups are full
-- ARGV[4..] per task: taskId, message (protobuf), groupName, uniqueTtlS (0: no lock)
-- RETURNS per task 1 written
--                  0 the id is taken, in any state; nothing written. Completed, with its retention over, is not taken
--                  text: id of the task that holds the lock; nothing written
--         Stores `unique_key`, so that whatever ends the task releases the lock. asynq 0.26 leaves it until its TTL.
-- COST    O(tasks x log n), and for each task a look at every size of full_sizes
--@include locks-from
--@include id-taken
--@include refusal
--@include tell-full-groups
local groups, completed = KEYS[1], KEYS[3]
local addedAtS, isRepeat, groupsChannel = ARGV[1], ARGV[2] == '1', ARGV[3]
local FIRST_TASK, ARGS, FIELDS = 4, 3, 4
local tasks = (#ARGV - ARGS) / FIELDS
local firstGroup = FIRST_TASK + tasks
local nextLock = locksFrom(firstGroup + tasks)
local fullSizes = redis.call('ZRANGE', KEYS[2], 0, -1)

local replies, fullGroups = {}, {}
for i = 1, tasks do
  local task, group, at = KEYS[FIRST_TASK + i - 1], KEYS[firstGroup + i - 1], ARGS + (i - 1) * FIELDS
  local taskId, message, groupName, ttlS = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local lock = nextLock(ttlS ~= '0')

  replies[i] = refusal(task, taskId, message, lock, ttlS, isRepeat, completed, tonumber(addedAtS))
  if replies[i] == nil then
    redis.call('HSET', task, 'msg', message, 'state', 'aggregating', 'group', groupName)
    if lock then redis.call('HSET', task, 'unique_key', lock) end
    redis.call('ZADD', group, addedAtS, taskId)
    redis.call('SADD', groups, groupName)
    if isFull(group, fullSizes) then fullGroups[groupName] = true end
    replies[i] = 1
  end
end
tellFullGroups(fullGroups, groupsChannel)
return replies
