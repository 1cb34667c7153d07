-- add-leases: give active tasks without a lease an expired one, so that they are recovered.
--
-- KEYS[1]   active  list  asynq:{q}:active
-- KEYS[2]   lease   zset  asynq:{q}:lease   score: lease expiry, unix seconds
-- ARGV[1]   expiredAtS  unix s
-- ARGV[2..] per task: taskId
-- REPLY   integer
-- RETURNS number of tasks given a lease
-- COST    O(tasks x n) in active, which the tasks in hand of all servers bound
--@include allow-writes
--@include need-type
local active, lease = KEYS[1], KEYS[2]
local expiredAtS = ARGV[1]

needType('list', active)
needType('zset', lease)
allowWrites(lease)
local added = 0
for at = 2, #ARGV do
  if redis.call('LPOS', active, ARGV[at]) then
    added = added + redis.call('ZADD', lease, 'NX', expiredAtS, ARGV[at])
  end
end
return added
