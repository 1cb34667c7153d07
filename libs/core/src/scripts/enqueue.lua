-- enqueue: write tasks that may run at once.
--
-- KEYS[1]   pending    list    asynq:{q}:pending               new ids at the left
-- KEYS[2]   completed  zset    asynq:{q}:completed             score: deletion time, unix seconds
-- KEYS[3..] task       hash    asynq:{q}:t:<id>                one per task
-- KEYS[..]  lock       string  asynq:{q}:unique:<type>:<md5>   one per task with a ttl, in their order
-- ARGV[1]   pendingSinceNs  unix ns
-- ARGV[2]   isRepeat        1 after a lost reply: a task with the same bytes is ours
-- ARGV[3]   nowS            unix s
-- ARGV[4..] per task: taskId, message (protobuf), uniqueTtlS (0: no lock)
-- RETURNS per task 1 written
--                  0 the id is taken, in any state; nothing written. Completed, with its retention over, is not taken
--                  text: id of the task that holds the lock; nothing written
--         Kinder than asynq 0.26, which takes the lock first and leaks it when the id exists.
-- COST    O(tasks)
--@include locks-from
--@include id-taken
--@include refusal
local pending, completed = KEYS[1], KEYS[2]
local pendingSinceNs, isRepeat, nowS = ARGV[1], ARGV[2] == '1', tonumber(ARGV[3])
local FIRST_TASK, ARGS, FIELDS = 3, 3, 3
local tasks = (#ARGV - ARGS) / FIELDS
local nextLock = locksFrom(FIRST_TASK + tasks)

local replies = {}
for i = 1, tasks do
  local task, at = KEYS[FIRST_TASK + i - 1], ARGS + (i - 1) * FIELDS
  local taskId, message, ttlS = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local lock = nextLock(ttlS ~= '0')

  replies[i] = refusal(task, taskId, message, lock, ttlS, isRepeat, completed, nowS)
  if replies[i] == nil then
    redis.call('HSET', task, 'msg', message, 'state', 'pending', 'pending_since', pendingSinceNs)
    if lock then redis.call('HSET', task, 'unique_key', lock) end
    redis.call('LPUSH', pending, taskId)
    replies[i] = 1
  end
end
return replies
