-- remove-schedule: forget a schedule.
--
-- KEYS[1] schedule   hash  asynq:{q}:schedule:<name>
-- KEYS[2] schedules  set   asynq:{q}:schedules
-- ARGV[1] name
-- ARGV[2] changeChannel  told the name: a scheduler that still has it stores it again
-- RETURNS 1 removed, 0 no such schedule
-- COST    O(1)
local schedule, schedules = KEYS[1], KEYS[2]
local name, changeChannel = ARGV[1], ARGV[2]

local removed = redis.call('DEL', schedule)
redis.call('SREM', schedules, name)
if removed == 1 then redis.pcall('PUBLISH', changeChannel, name) end -- a hint: where it is forbidden, ticks tell
return removed
