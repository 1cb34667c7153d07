-- add-to-group: write tasks that wait in groups until they are made into one.
--
-- KEYS[1]   groups  set     asynq:{q}:groups                  names of groups
-- KEYS[2..] task    hash    asynq:{q}:t:<id>                  one per task
-- KEYS[..]  group   zset    asynq:{q}:g:<group>               one per task; score: time added, unix seconds
-- KEYS[..]  lock    string  asynq:{q}:unique:<type>:<md5>     one per task with a ttl, in their order
-- ARGV[1]   addedAtS  unix s
-- ARGV[2]   isRepeat  1 after a lost reply: a task with the same bytes is ours
-- ARGV[3..] per task: taskId, message (protobuf), groupName, uniqueTtlS (0: no lock)
-- RETURNS per task 1 written
--                  0 the id exists, in any state; nothing written
--                  text: id of the task that holds the lock; nothing written
--         Stores `unique_key`, so that whatever ends the task releases the lock. asynq 0.26 leaves it until its TTL.
-- COST    O(tasks x log n)
--@include refusal
local groups = KEYS[1]
local addedAtS, isRepeat = ARGV[1], ARGV[2] == '1'
local ARGS, FIELDS = 2, 4
local tasks = (#ARGV - ARGS) / FIELDS
local nextLock = 2 + 2 * tasks

local replies = {}
for i = 1, tasks do
  local task, group, at = KEYS[1 + i], KEYS[1 + tasks + i], ARGS + (i - 1) * FIELDS
  local taskId, message, groupName, ttlS = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local lock
  if ttlS ~= '0' then
    lock = KEYS[nextLock]
    nextLock = nextLock + 1
  end

  replies[i] = refusal(task, taskId, message, lock, ttlS, isRepeat)
  if replies[i] == nil then
    redis.call('HSET', task, 'msg', message, 'state', 'aggregating', 'group', groupName)
    if lock then redis.call('HSET', task, 'unique_key', lock) end
    redis.call('ZADD', group, addedAtS, taskId)
    redis.call('SADD', groups, groupName)
    replies[i] = 1
  end
end
return replies
