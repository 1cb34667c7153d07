-- Remembers until `untilS` that tasks may join a group unseen. The key lives for a day longer than the last of its names.
local function expectGroup(expectedGroups, groupName, untilS, nowS)
  redis.pcall('ZADD', expectedGroups, 'GT', untilS, groupName) -- a hint: a key of another type stops nothing
  local lifeS = math.max(tonumber(untilS) - nowS, 0) + 86400
  if redis.call('TTL', expectedGroups) < lifeS then redis.call('EXPIRE', expectedGroups, string.format('%d', lifeS)) end
end
