-- drop-orphans: remove ids without a message from every set except `pending`, and delete their stub hashes.
--
-- KEYS[1]   active     list  asynq:{q}:active
-- KEYS[2]   lease      zset  asynq:{q}:lease
-- KEYS[3]   scheduled  zset  asynq:{q}:scheduled
-- KEYS[4]   retry      zset  asynq:{q}:retry
-- KEYS[5]   archived   zset  asynq:{q}:archived
-- KEYS[6]   completed  zset  asynq:{q}:completed
-- KEYS[7..] task       hash  asynq:{q}:t:<id>     one per id
-- ARGV[1]   reach  entries to search from each end of active; an id farther away is left to a later repair
-- ARGV[2..] per task: taskId
-- REPLY   integer
-- RETURNS number of ids removed; an id that has a message by now, or whose task has ended, does not count
--         A set of another type is skipped.
--         `pending` may be millions long: an id in it is dropped by the fetch that meets it.
-- COST    O(ids x (log n + reach))
--@include has-message
--@include need-type
local active, sets = KEYS[1], {}
local isListed = not oddType('list', active)
for i = 2, 6 do
  if not oddType('zset', KEYS[i]) then sets[#sets + 1] = KEYS[i] end
end
local reach = ARGV[1]
local FIRST_TASK, ARGS = 7, 1

local removed = 0
for i = 1, #ARGV - ARGS do
  local task, taskId = KEYS[FIRST_TASK + i - 1], ARGV[ARGS + i]
  if not hasMessage(task) then
    local entries = 0
    for _, set in ipairs(sets) do entries = entries + redis.call('ZREM', set, taskId) end
    for _, fromEnd in ipairs(isListed and { -1, 1 } or {}) do
      if redis.call('LPOS', active, taskId, 'RANK', fromEnd, 'MAXLEN', reach) then
        entries = entries + redis.call('LREM', active, fromEnd, taskId)
      end
    end
    deleteStub(task)
    if entries > 0 then removed = removed + 1 end
  end
end
return removed
