-- pause-schedule: pause or resume a schedule.
--
-- KEYS[1] schedule  hash  asynq:{q}:schedule:<name>
-- ARGV[1] isPaused  1 to pause, 0 to resume
-- ARGV[2] nowMs     unix ms; after a pause, ticks count from here
-- ARGV[3] name
-- ARGV[4] changeChannel  receives the name after a change
-- REPLY   integer
-- RETURNS 1 changed, 0 nothing to change, -1 no such schedule
-- COST    O(1)
local schedule = KEYS[1]
local isPaused, nowMs, name, changeChannel = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

if redis.call('EXISTS', schedule) == 0 then return -1 end
if redis.call('HEXISTS', schedule, 'paused_ms') == tonumber(isPaused) then return 0 end
if isPaused == '1' then
  redis.call('HSET', schedule, 'paused_ms', nowMs)
else
  redis.call('HDEL', schedule, 'paused_ms')
  redis.call('HSET', schedule, 'claimed_ms', nowMs)
end
redis.pcall('PUBLISH', changeChannel, name) -- a hint: without the right to publish, the next tick reveals the change
return 1
