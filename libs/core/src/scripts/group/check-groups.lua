-- check-groups: read the sizes and times of groups, and correct the sorted sets of these times.
--
-- KEYS[1]   newest  zset  asynq:{q}:groups_by_newest   names of groups by when their newest task joined
-- KEYS[2]   oldest  zset  asynq:{q}:groups_by_oldest   names of groups by when their oldest task joined
-- KEYS[3..] group   zset  asynq:{q}:g:<group>          one per name
-- ARGV[1]   nowS    unix s; tasks that join later, by a wrong clock, are the newest only if there are no others
-- ARGV[2..] per group: groupName
-- REPLY   {(integer, text, text) per task}
-- RETURNS per group: number of tasks (-1: the key is of another type), when the oldest joined, when the newest joined
--         asynq 0.26 has no such sets: tasks that its clients add are not in them before this.
-- COST    O(groups x log n)
--@include allow-writes
--@include group-times
local nowS = ARGV[1]
local FIRST_GROUP, ARGS = 3, 1
local groupTimes = readGroupTimes(KEYS[1], KEYS[2])

if groupTimes.newest then allowWrites(groupTimes.newest) end
local reply = {}
for i = 1, #ARGV - ARGS do
  local group, groupName = KEYS[FIRST_GROUP + i - 1], ARGV[ARGS + i]
  local size, oldestS, newestS = redis.pcall('ZCARD', group), '', ''
  if type(size) ~= 'number' then size = -1 end
  if size > 0 then
    oldestS, newestS = timesOf(group, nowS)
    setGroupTimes(groupTimes, groupName, newestS, oldestS)
  else
    setGroupTimes(groupTimes, groupName)
  end
  reply[3 * i - 2], reply[3 * i - 1], reply[3 * i] = size, oldestS, newestS
end
return reply
