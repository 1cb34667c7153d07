-- write-presence: publish a server and its running tasks for inspectors.
--
-- KEYS[1]   server   string  asynq:servers:{<host>:<pid>:<server id>}   ServerInfo
-- KEYS[2]   workers  hash    asynq:workers:{<host>:<pid>:<server id>}   task id to WorkerInfo
-- ARGV[1]   ttlS    lifetime, seconds
-- ARGV[2]   info    ServerInfo, protobuf
-- ARGV[3]   isAnew  1: replace all tasks; 0: update the changed ones
-- ARGV[4..] per task: taskId, worker (WorkerInfo, protobuf; empty: it has stopped running)
-- REPLY   integer
-- RETURNS 1 written
--         0 the tasks have expired, so that there is nothing to update; nothing written
-- COST    O(tasks named)
local server, workers = KEYS[1], KEYS[2]
local ttlS, info, isAnew = ARGV[1], ARGV[2], ARGV[3] == '1'

if not isAnew and redis.call('EXISTS', workers) == 0 then return 0 end
redis.call('SETEX', server, ttlS, info)
if isAnew then redis.call('DEL', workers) end
for at = 4, #ARGV, 2 do
  if ARGV[at + 1] == '' then
    redis.call('HDEL', workers, ARGV[at])
  else
    redis.call('HSET', workers, ARGV[at], ARGV[at + 1])
  end
end
redis.call('EXPIRE', workers, ttlS)
return 1
