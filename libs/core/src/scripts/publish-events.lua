-- publish-events: append events to the stream of a queue, and tell its readers.
--
-- KEYS[1] events     stream  asynq:{q}:events
-- ARGV[1] maxLength  entries to keep at least; Redis removes older ones in nodes of about a hundred
-- ARGV[2] lifeMs     ms: how long the stream is kept after its last event
-- ARGV[3] channel    pub/sub channel
-- ARGV[4..] per event: event (JSON)
-- REPLY   integer
-- RETURNS number of events
-- COST    O(events)
local events, maxLength, lifeMs, channel = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local ARGS = 3

local last
for i = ARGS + 1, #ARGV do
  last = redis.call('XADD', events, 'MAXLEN', '~', maxLength, '*', 'event', ARGV[i])
end
redis.call('PEXPIRE', events, lifeMs)
redis.pcall('PUBLISH', channel, last) -- a hint: readers look by themselves, too
return #ARGV - ARGS
