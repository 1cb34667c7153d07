-- quarantine: archive a leased task whose message is unusable, and keep its bytes.
--
-- KEYS[1] active    list  asynq:{q}:active
-- KEYS[2] lease     zset  asynq:{q}:lease      score: lease expiry, unix seconds
-- KEYS[3] archived  zset  asynq:{q}:archived   score: archived-at, unix seconds
-- KEYS[4] task      hash  asynq:{q}:t:<id>
-- ARGV[1] taskId
-- ARGV[2] leases       own lease scores, comma separated
-- ARGV[3] archivedAtS  unix s
-- ARGV[4] message      a readable replacement, with the reason as its last error
-- ARGV[5] rawMessage   the original bytes, kept in the field raw_msg
-- REPLY   integer
-- RETURNS 1 archived
--         0 no longer ours; nothing written
-- COST    O(n) in active, which the tasks in hand of all servers bound
--@include owns-lease
--@include need-type
local active, lease, archived, task = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local taskId, leases, archivedAtS, message, rawMessage = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

if not ownsLease(lease, taskId, leases) then return 0 end

needType('list', active)
needType('zset', lease, archived)
redis.call('LREM', active, -1, taskId)
redis.call('ZREM', lease, taskId)
redis.call('ZADD', archived, archivedAtS, taskId)
redis.call('HSET', task, 'msg', message, 'raw_msg', rawMessage, 'state', 'archived')
return 1
