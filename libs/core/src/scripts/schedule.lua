-- schedule: write tasks that may run later.
--
-- KEYS[1]   scheduled       zset    asynq:{q}:scheduled             score: process-at, unix seconds
-- KEYS[2]   completed       zset    asynq:{q}:completed             score: deletion time, unix seconds
-- KEYS[3]   expectedGroups  zset    asynq:{q}:expected_groups       names of groups that tasks will join; score: until when, unix seconds
-- KEYS[4..] task            hash    asynq:{q}:t:<id>                one per task
-- KEYS[..]  lock            string  asynq:{q}:unique:<type>:<md5>   one per task with a ttl, in their order
-- ARGV[1]   nudgeChannel    told when a task goes ahead of all that wait
-- ARGV[2]   isRepeat        1 after a lost reply: a task with the same bytes is ours
-- ARGV[3]   forgetUntilS    unix s; groups that were expected until then are forgotten, should no server of ours do it
-- ARGV[4]   nowS          unix s
-- ARGV[5..] per task: taskId, message (protobuf), processAtS (unix s, rounded up), dueAtMs (unix ms), groupName (empty: none), uniqueTtlS (0: no lock)
-- RETURNS per task 1 written
--                  0 the id is taken, in any state; nothing written. Completed, with its retention over, is not taken
--                  text: id of the task that holds the lock; nothing written
--         Keeps the group of a task, and expects it: a forwarder of Go puts the task into its group and adds no name. The
--         name is not added before: asynq's inspector divides by the size of a group.
--         asynq 0.26 forgets the group, and the task runs by itself.
-- COST    O(tasks x log n)
--@include locks-from
--@include id-taken
--@include refusal
--@include expect-group
local scheduled, completed, expectedGroups = KEYS[1], KEYS[2], KEYS[3]
local nudgeChannel, isRepeat, forgetUntilS, nowS = ARGV[1], ARGV[2] == '1', ARGV[3], tonumber(ARGV[4])
local FIRST_TASK, ARGS, FIELDS = 4, 4, 6
local tasks = (#ARGV - ARGS) / FIELDS
local nextLock = locksFrom(FIRST_TASK + tasks)
local first = tonumber(redis.call('ZRANGE', scheduled, 0, 0, 'WITHSCORES')[2])
local goesAhead, hasGroup = false, false

local replies = {}
for i = 1, tasks do
  local task, at = KEYS[FIRST_TASK + i - 1], ARGS + (i - 1) * FIELDS
  local taskId, message, processAtS, dueAtMs = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local groupName, ttlS = ARGV[at + 5], ARGV[at + 6]
  local lock = nextLock(ttlS ~= '0')

  replies[i] = refusal(task, taskId, message, lock, ttlS, isRepeat, completed, nowS)
  if replies[i] == nil then
    redis.call('HSET', task, 'msg', message, 'state', 'scheduled', 'due_at_ms', dueAtMs)
    if lock then redis.call('HSET', task, 'unique_key', lock) end
    if groupName ~= '' then
      redis.call('HSET', task, 'group', groupName)
      expectGroup(expectedGroups, groupName, processAtS, nowS)
      hasGroup = true
    end
    redis.call('ZADD', scheduled, processAtS, taskId)
    if not first or tonumber(processAtS) <= first then goesAhead = true end
    replies[i] = 1
  end
end
if hasGroup then
  local forgotten = redis.call('ZRANGEBYSCORE', expectedGroups, '-inf', forgetUntilS, 'LIMIT', 0, 1000)
  if #forgotten > 0 then redis.call('ZREM', expectedGroups, unpack(forgotten)) end
end
if goesAhead then redis.pcall('PUBLISH', nudgeChannel, '') end -- a hint: where it is forbidden, forwarders poll
return replies
