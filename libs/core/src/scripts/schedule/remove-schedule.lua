-- remove-schedule: delete a schedule.
--
-- KEYS[1] schedule   hash  asynq:{q}:schedule:<name>
-- KEYS[2] schedules  set   asynq:{q}:schedules
-- ARGV[1] name
-- ARGV[2] digest  of the definition to remove; empty: remove any
-- ARGV[3] changeChannel  receives the name: a scheduler that has it registered stores it again
-- REPLY   integer
-- RETURNS 1 removed, 0 no such schedule, or one of another definition
-- COST    O(1)
local schedule, schedules = KEYS[1], KEYS[2]
local name, digest, changeChannel = ARGV[1], ARGV[2], ARGV[3]

if digest ~= '' and redis.call('EXISTS', schedule) == 1 and redis.call('HGET', schedule, 'digest') ~= digest then return 0 end
local removed = redis.call('DEL', schedule)
redis.pcall('SREM', schedules, name)
if removed == 1 then redis.pcall('PUBLISH', changeChannel, name) end -- a hint: see pause-schedule
return removed
