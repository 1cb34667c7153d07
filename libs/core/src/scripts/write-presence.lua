-- write-presence: show a server and its running tasks to inspectors.
--
-- KEYS[1]   server   string  asynq:servers:{<host>:<pid>:<server id>}   ServerInfo
-- KEYS[2]   workers  hash    asynq:workers:{<host>:<pid>:<server id>}   task id to WorkerInfo
-- ARGV[1]   ttlS  lifetime, seconds
-- ARGV[2]   info  ServerInfo, protobuf
-- ARGV[3..] per task: taskId, worker (WorkerInfo, protobuf)
-- RETURNS nothing of use
-- COST    O(running tasks)
local server, workers = KEYS[1], KEYS[2]
local ttlS, info = ARGV[1], ARGV[2]

redis.call('SETEX', server, ttlS, info)
redis.call('DEL', workers)
for at = 3, #ARGV, 2 do redis.call('HSET', workers, ARGV[at], ARGV[at + 1]) end
redis.call('EXPIRE', workers, ttlS)
return 1
