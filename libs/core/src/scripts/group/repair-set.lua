-- repair-set: remove unusable members from an aggregation set: archive them, or drop ids without a message.
--
-- KEYS[1]   aggregationSet   zset  asynq:{q}:g:<group>:<uuid>
-- KEYS[2]   aggregationSets  zset  asynq:{q}:aggregation_sets   keys of sets; score: deadline, unix seconds
-- KEYS[3]   archived         zset  asynq:{q}:archived           score: archived-at, unix seconds
-- KEYS[4..] task             hash  asynq:{q}:t:<id>             one per task
-- ARGV[1]   deadlineS    unix s; with any other value stored, the set is no longer ours
-- ARGV[2]   archivedAtS  unix s
-- ARGV[3..] per task: taskId, message (with the reason as its last error; empty: drop the id), rawMessage (the unreadable bytes; empty: none)
-- REPLY   integer
-- RETURNS number of ids removed from the set
-- COST    O(tasks x log n)
--@include has-message
--@include need-type
local aggregationSet, aggregationSets, archived = KEYS[1], KEYS[2], KEYS[3]
local deadlineS, archivedAtS = ARGV[1], ARGV[2]
local FIRST_TASK, ARGS, FIELDS = 4, 2, 3
local tasks = (#ARGV - ARGS) / FIELDS

if redis.call('ZSCORE', aggregationSets, aggregationSet) ~= deadlineS then return 0 end

needType('zset', aggregationSet, archived)
local left = 0
for i = 1, tasks do
  local task, at = KEYS[FIRST_TASK + i - 1], ARGS + (i - 1) * FIELDS
  local taskId, message, rawMessage = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  if redis.call('ZREM', aggregationSet, taskId) == 1 then
    if message == '' then
      deleteStub(task)
    else
      redis.call('HSET', task, 'msg', message, 'state', 'archived')
      if rawMessage ~= '' then redis.call('HSET', task, 'raw_msg', rawMessage) end
      redis.call('ZADD', archived, archivedAtS, taskId)
    end
    left = left + 1
  end
end
if redis.call('EXISTS', aggregationSet) == 0 then redis.call('ZREM', aggregationSets, aggregationSet) end
return left
