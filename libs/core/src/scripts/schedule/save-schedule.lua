-- save-schedule: store what a schedule is; keep how far it has come unless its spec changed.
--
-- KEYS[1] schedule   hash  asynq:{q}:schedule:<name>
-- KEYS[2] schedules  set   asynq:{q}:schedules
-- ARGV[1] name
-- ARGV[2] spec         with its zone
-- ARGV[3] taskType
-- ARGV[4] message      protobuf; without an id each task gets one of its own
-- ARGV[5] processAtMs  when its tasks start, unix ms; empty: at once
-- ARGV[6] processInMs  how long after they were enqueued, ms; empty: at once
-- ARGV[7] uniqueTtlMs  how long they hold their lock, ms; empty: they take none
-- ARGV[8] digest       of all that is above but the name
-- ARGV[9] nowMs        unix ms
-- ARGV[10] changeChannel  told the name when another definition takes the place of the stored one
-- RETURNS since_ms, claimed_ms, fired_ms, paused_ms of the schedule, nil where there is none
-- COST    O(1)
local schedule, schedules = KEYS[1], KEYS[2]
local name, spec, taskType, message = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local processAtMs, processInMs, uniqueTtlMs = ARGV[5], ARGV[6], ARGV[7]
local digest, nowMs, changeChannel = ARGV[8], ARGV[9], ARGV[10]

local function put(field, value)
  if value == '' then
    redis.call('HDEL', schedule, field)
  else
    redis.call('HSET', schedule, field, value)
  end
end

local known = redis.call('HMGET', schedule, 'spec', 'digest')
if known[1] ~= spec then
  redis.call('HSET', schedule, 'spec', spec, 'since_ms', nowMs, 'claimed_ms', nowMs)
  redis.call('HDEL', schedule, 'fired_ms')
end
redis.call('HSET', schedule, 'type', taskType, 'msg', message, 'digest', digest)
put('process_at_ms', processAtMs)
put('process_in_ms', processInMs)
put('unique_ms', uniqueTtlMs)
redis.call('SADD', schedules, name)
if known[1] and known[2] ~= digest then redis.pcall('PUBLISH', changeChannel, name) end -- a hint: ticks tell too
return redis.call('HMGET', schedule, 'since_ms', 'claimed_ms', 'fired_ms', 'paused_ms')
