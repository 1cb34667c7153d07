-- take-group: move tasks of a ripe group to an aggregation set.
--
-- KEYS[1]   group            zset  asynq:{q}:g:<group>            score: time added, unix seconds
-- KEYS[2]   aggregationSet   zset  asynq:{q}:g:<group>:<uuid>     new; the same scores
-- KEYS[3]   aggregationSets  zset  asynq:{q}:aggregation_sets     keys of sets; score: deadline, unix seconds
-- KEYS[4]   groups           set   asynq:{q}:groups               names of groups
-- KEYS[5]   newest           zset  asynq:{q}:groups_by_newest     names of groups by when their newest task joined
-- KEYS[6]   oldest           zset  asynq:{q}:groups_by_oldest     names of groups by when their oldest task joined
-- KEYS[7..] task             hash  asynq:{q}:t:<id>               one per task
-- ARGV[1]   nowS           unix s
-- ARGV[2]   gracePeriodS   ripe when no task joined for this long; a task of the future, by a wrong clock, does not count
-- ARGV[3]   maxDelayS      ripe when the oldest task has waited this long; 0: no limit
-- ARGV[4]   maxSize        ripe when this many tasks wait; 0: no limit
-- ARGV[5]   mostBytes      limit for the messages together, beyond the first task
-- ARGV[6]   isWhole        1: take nothing when the tasks exceed that limit; 0: take the first of them
-- ARGV[7]   replyBytes     limit for the messages in the reply
-- ARGV[8]   deadlineS      unix s; from then on any server may return the set
-- ARGV[9]   groupName
-- ARGV[10]  groupsChannel  notified that a full group was taken, so that other servers need not try
-- ARGV[11..] per task: taskId (the oldest of the group as read before; as many are taken)
-- REPLY   integer | {{text...}, {text | nil...}, integer}
-- RETURNS {ids taken, oldest first, the messages of the first of them (nil where there is none): up to replyBytes, and to one that was not given, number of tasks left in the group}
--         0 not ripe, or no task given; its times are corrected
--         -1 the tasks exceed mostBytes, and isWhole is 1; nothing taken
--         asynq 0.26 takes any number, and blocks Redis for that long.
-- COST    O(tasks x log n), and the bytes of their messages
--@include need-type
--@include group-times
local group, aggregationSet, aggregationSets, groups = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local nowS, gracePeriodS, maxDelayS, maxSize = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local mostBytes, isWhole, replyBytes = tonumber(ARGV[5]), ARGV[6] == '1', tonumber(ARGV[7])
local deadlineS, groupName, groupsChannel = ARGV[8], ARGV[9], ARGV[10]
local FIRST_TASK, ARGS = 7, 10
local groupTimes = readGroupTimes(KEYS[5], KEYS[6])

local size = redis.call('ZCARD', group)
if size == 0 then
  setGroupTimes(groupTimes, groupName)
  return 0
end
local oldestS, newestS = timesOf(group, nowS)
local isFull = maxSize > 0 and size >= maxSize
local isOld = maxDelayS > 0 and tonumber(oldestS) <= nowS - maxDelayS
local isQuiet = tonumber(newestS) <= nowS - gracePeriodS
if #ARGV == ARGS or not (isFull or isOld or isQuiet) then
  setGroupTimes(groupTimes, groupName, newestS, oldestS)
  return 0
end

local listed = {}
for i = 1, #ARGV - ARGS do listed[ARGV[ARGS + i]] = KEYS[FIRST_TASK + i - 1] end
local entries = redis.call('ZRANGE', group, 0, #ARGV - ARGS - 1, 'WITHSCORES')
local members, taken, messages, bytes, isReplyFull = {}, {}, {}, 0, false
for i = 1, #entries, 2 do
  local taskId, task = entries[i], listed[entries[i]]
  local message = task and redis.pcall('HGET', task, 'msg')
  if type(message) ~= 'string' then message = false end
  bytes = bytes + (message and #message or 0)
  if bytes > mostBytes and #taken > 0 then
    if isWhole then return -1 end
    break
  end
  taken[#taken + 1] = taskId
  members[#members + 1] = entries[i + 1]
  members[#members + 1] = taskId
  isReplyFull = isReplyFull or not task or (bytes > replyBytes and #taken > 1)
  if not isReplyFull then messages[#messages + 1] = message end
end

needType('zset', aggregationSet, aggregationSets)
redis.call('ZREM', group, unpack(taken)) -- first: a full Redis allows it, and then the rest
redis.call('ZADD', aggregationSet, unpack(members))
redis.call('ZADD', aggregationSets, deadlineS, aggregationSet)
if #taken == size then
  redis.pcall('SREM', groups, groupName)
  setGroupTimes(groupTimes, groupName)
else
  setGroupTimes(groupTimes, groupName, newestS, redis.call('ZRANGE', group, 0, 0, 'WITHSCORES')[2])
end
if isFull and size - #taken < maxSize then redis.pcall('PUBLISH', groupsChannel, 'taken ' .. groupName) end
return { taken, messages, size - #taken }
