-- save-schedule: store what a schedule is; keep how far it has come unless its spec changed.
--
-- KEYS[1] schedule   hash  asynq:{q}:schedule:<name>
-- KEYS[2] schedules  set   asynq:{q}:schedules
-- ARGV[1] name
-- ARGV[2] spec       with its zone
-- ARGV[3] taskType
-- ARGV[4] nowMs      unix ms
-- RETURNS since_ms, claimed_ms, fired_ms, paused_ms of the schedule, nil where there is none
-- COST    O(1)
local schedule, schedules = KEYS[1], KEYS[2]
local name, spec, taskType, nowMs = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

if redis.call('HGET', schedule, 'spec') ~= spec then
  redis.call('HSET', schedule, 'spec', spec, 'since_ms', nowMs, 'claimed_ms', nowMs)
  redis.call('HDEL', schedule, 'fired_ms')
end
redis.call('HSET', schedule, 'type', taskType)
redis.call('SADD', schedules, name)
return redis.call('HMGET', schedule, 'since_ms', 'claimed_ms', 'fired_ms', 'paused_ms')
