local MAX_LIFE_S = 100 * 366 * 86400 -- other programs write any score, and Redis refuses a TTL beyond all time

-- Remembers until `untilS` that Go may add tasks to a group without naming it. The key outlives its last name by a day.
local function expectGroup(expectedGroups, groupName, untilS, nowS)
  redis.pcall('ZADD', expectedGroups, 'GT', untilS, groupName) -- a hint: a key of another type is tolerated
  local lifeS = math.min(math.max(tonumber(untilS) - nowS, 0), MAX_LIFE_S) + 86400
  if redis.call('TTL', expectedGroups) < lifeS then redis.call('EXPIRE', expectedGroups, string.format('%d', lifeS)) end
end
