-- save-schedule: store the definition of a schedule; keep its progress unless the spec has changed.
--
-- KEYS[1] schedule   hash  asynq:{q}:schedule:<name>
-- KEYS[2] schedules  set   asynq:{q}:schedules
-- ARGV[1] name
-- ARGV[2] spec         with its zone
-- ARGV[3] taskType
-- ARGV[4] message      protobuf; without an id each task gets one of its own
-- ARGV[5] processAtMs  start time of its tasks, unix ms; empty: at once
-- ARGV[6] processInMs  delay of its tasks after they are enqueued, ms; empty: none
-- ARGV[7] uniqueTtlMs  lifetime of their unique lock, ms; empty: no lock
-- ARGV[8] catchUp      policy for missed ticks; empty: skip
-- ARGV[9] backoff      of its tasks, see include/new-task.lua; empty: none
-- ARGV[10] digest      of all the above except the name
-- ARGV[11] nowMs       unix ms
-- ARGV[12] changeChannel  receives the name when the stored definition is replaced
-- REPLY   {{(text | nil)...}, integer, {(text | nil)...} | nil}
-- RETURNS since_ms, claimed_ms, fired_ms, paused_ms of the schedule, nil where there is none; 1 if inspectors see it, 0 if
--         `schedules` is of another type: it fires all the same; since_ms, claimed_ms, fired_ms, paused_ms, spec, type,
--         msg, process_at_ms, process_in_ms, unique_ms, catch_up, backoff of the definition that was replaced, nil if none was
-- COST    O(1)
local schedule, schedules = KEYS[1], KEYS[2]
local name, spec, taskType, message = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local processAtMs, processInMs, uniqueTtlMs = ARGV[5], ARGV[6], ARGV[7]
local catchUp, backoff, digest, nowMs, changeChannel = ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12]

local function put(field, value)
  if value == '' then
    redis.call('HDEL', schedule, field)
  else
    redis.call('HSET', schedule, field, value)
  end
end

local known = redis.call('HMGET', schedule, 'since_ms', 'claimed_ms', 'fired_ms', 'paused_ms', 'spec', 'type', 'msg',
  'process_at_ms', 'process_in_ms', 'unique_ms', 'catch_up', 'backoff')
local knownSpec = known[5]
local isReplaced = knownSpec and redis.call('HGET', schedule, 'digest') ~= digest
if knownSpec ~= spec then
  redis.call('HSET', schedule, 'spec', spec, 'since_ms', nowMs, 'claimed_ms', nowMs)
  redis.call('HDEL', schedule, 'fired_ms')
end
redis.call('HSET', schedule, 'type', taskType, 'msg', message, 'digest', digest)
put('process_at_ms', processAtMs)
put('process_in_ms', processInMs)
put('unique_ms', uniqueTtlMs)
put('catch_up', catchUp)
put('backoff', backoff)
local listed = redis.pcall('SADD', schedules, name)
if isReplaced then redis.pcall('PUBLISH', changeChannel, name) end -- a hint: see pause-schedule
local progress = redis.call('HMGET', schedule, 'since_ms', 'claimed_ms', 'fired_ms', 'paused_ms')
return { progress, type(listed) == 'number' and 1 or 0, isReplaced and known }
