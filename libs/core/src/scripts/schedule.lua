-- schedule: write tasks that may run later.
--
-- KEYS[1]   scheduled       zset    asynq:{q}:scheduled             score: process-at, unix seconds
-- KEYS[2]   groups          set     asynq:{q}:groups                names of groups
-- KEYS[3]   expectedGroups  zset    asynq:{q}:expected_groups       names of groups that tasks will join; score: until when, unix seconds
-- KEYS[4..] task            hash    asynq:{q}:t:<id>                one per task
-- KEYS[..]  lock            string  asynq:{q}:unique:<type>:<md5>   one per task with a ttl, in their order
-- ARGV[1]   nudgeChannel    told when a task goes ahead of all that wait
-- ARGV[2]   isRepeat        1 after a lost reply: a task with the same bytes is ours
-- ARGV[3]   forgetUntilS    unix s; groups that were expected until then are forgotten, should no server of ours do it
-- ARGV[4..] per task: taskId, message (protobuf), processAtS (unix s, rounded up), dueAtMs (unix ms), groupName (empty: none), uniqueTtlS (0: no lock)
-- RETURNS per task 1 written
--                  0 the id exists, in any state; nothing written
--                  text: id of the task that holds the lock; nothing written
--         Keeps the group of a task, and names it now: a forwarder of Go puts the task into its group and adds no name.
--         Who takes the group before removes the name, so it is expected, too, and named again when the task has joined.
--         asynq 0.26 forgets the group, and the task runs by itself.
-- COST    O(tasks x log n)
--@include locks-from
--@include refusal
local scheduled, groups, expectedGroups = KEYS[1], KEYS[2], KEYS[3]
local nudgeChannel, isRepeat, forgetUntilS = ARGV[1], ARGV[2] == '1', ARGV[3]
local FIRST_TASK, ARGS, FIELDS = 4, 3, 6
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

  replies[i] = refusal(task, taskId, message, lock, ttlS, isRepeat)
  if replies[i] == nil then
    redis.call('HSET', task, 'msg', message, 'state', 'scheduled', 'due_at_ms', dueAtMs)
    if lock then redis.call('HSET', task, 'unique_key', lock) end
    if groupName ~= '' then
      redis.call('HSET', task, 'group', groupName)
      redis.call('SADD', groups, groupName)
      redis.call('ZADD', expectedGroups, 'GT', processAtS, groupName)
      hasGroup = true
    end
    redis.call('ZADD', scheduled, processAtS, taskId)
    if not first or tonumber(processAtS) <= first then goesAhead = true end
    replies[i] = 1
  end
end
if hasGroup then redis.call('ZREMRANGEBYSCORE', expectedGroups, '-inf', forgetUntilS) end
if goesAhead then redis.pcall('PUBLISH', nudgeChannel, '') end -- a hint: where it is forbidden, forwarders poll
return replies
