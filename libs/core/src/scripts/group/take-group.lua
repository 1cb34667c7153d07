-- take-group: move the tasks of a ripe group to an aggregation set.
--
-- KEYS[1] group            zset  asynq:{q}:g:<group>            score: time added, unix seconds
-- KEYS[2] aggregationSet   zset  asynq:{q}:g:<group>:<uuid>     new; the same scores
-- KEYS[3] aggregationSets  zset  asynq:{q}:aggregation_sets     keys of sets; score: deadline, unix seconds
-- KEYS[4] groups           set   asynq:{q}:groups               names of groups
-- ARGV[1] nowS           unix s
-- ARGV[2] gracePeriodS   ripe when nobody joined for so long
-- ARGV[3] maxDelayS      ripe when the oldest task waits for so long; 0: however long
-- ARGV[4] maxSize        ripe when so many wait; 0: however many
-- ARGV[5] limit          most tasks to take
-- ARGV[6] deadlineS      unix s; from then on anybody may give the set back
-- ARGV[7] groupName
-- ARGV[8] groupsChannel  told that a full group was taken, so that other servers need not try
-- RETURNS ids taken, oldest first; none when the group is not ripe
--         asynq 0.26 takes any number, and Redis serves nobody else meanwhile.
-- COST    O(limit x log n)
--@include need-type
local group, aggregationSet, aggregationSets, groups = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local nowS, gracePeriodS, maxDelayS, maxSize = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local limit, deadlineS, groupName, groupsChannel = tonumber(ARGV[5]), ARGV[6], ARGV[7], ARGV[8]

local function isRipe(size)
  if maxSize > 0 and size >= maxSize then return true end
  local oldestS = tonumber(redis.call('ZRANGE', group, 0, 0, 'WITHSCORES')[2])
  if maxDelayS > 0 and oldestS <= nowS - maxDelayS then return true end
  local newestS = tonumber(redis.call('ZRANGE', group, -1, -1, 'WITHSCORES')[2])
  return newestS <= nowS - gracePeriodS
end

local size = redis.call('ZCARD', group)
if size == 0 or not isRipe(size) then return {} end
if maxSize > 0 then limit = math.min(limit, maxSize) end

needType('zset', aggregationSets)
needType('set', groups)
local entries = redis.call('ZRANGE', group, 0, limit - 1, 'WITHSCORES')
local taken = {}
for i = 1, #entries, 2 do
  redis.call('ZADD', aggregationSet, entries[i + 1], entries[i])
  redis.call('ZREM', group, entries[i])
  taken[#taken + 1] = entries[i]
end
redis.call('ZADD', aggregationSets, deadlineS, aggregationSet)
if #taken == size then redis.call('SREM', groups, groupName) end
if maxSize > 0 and size >= maxSize and size - #taken < maxSize then
  redis.pcall('PUBLISH', groupsChannel, 'taken ' .. groupName)
end
return taken
