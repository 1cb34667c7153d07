-- drop-orphans: remove ids that have no message from every set, and their stub hashes.
--
-- KEYS[1]   pending    list  asynq:{q}:pending
-- KEYS[2]   active     list  asynq:{q}:active
-- KEYS[3]   lease      zset  asynq:{q}:lease
-- KEYS[4]   scheduled  zset  asynq:{q}:scheduled
-- KEYS[5]   retry      zset  asynq:{q}:retry
-- KEYS[6]   archived   zset  asynq:{q}:archived
-- KEYS[7]   completed  zset  asynq:{q}:completed
-- KEYS[8..] task       hash  asynq:{q}:t:<id>     one per id
-- ARGV[1..] per task: taskId
-- RETURNS how many were removed; an id that has a message by now, or left every set as its task ended, does not count
-- COST    O(ids x n) in pending and active
local pending, active, lease = KEYS[1], KEYS[2], KEYS[3]
local sets = { KEYS[4], KEYS[5], KEYS[6], KEYS[7] }
local FIRST_TASK = 8

local removed = 0
for i, taskId in ipairs(ARGV) do
  local task = KEYS[FIRST_TASK + i - 1]
  if redis.call('HEXISTS', task, 'msg') == 0 then
    local entries = redis.call('LREM', pending, 0, taskId) + redis.call('LREM', active, 0, taskId)
    entries = entries + redis.call('ZREM', lease, taskId)
    for _, set in ipairs(sets) do entries = entries + redis.call('ZREM', set, taskId) end
    redis.call('DEL', task)
    if entries > 0 then removed = removed + 1 end
  end
end
return removed
