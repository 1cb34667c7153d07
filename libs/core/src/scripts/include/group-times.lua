-- The names of groups by the times at which tasks joined them: the sorted sets `newest` and `oldest`. They exist while
-- aggregators need them. They are hints, which check-groups corrects: a key of another type is tolerated.
local function readGroupTimes(newest, oldest)
  return { newest = redis.call('EXISTS', newest) == 1 and newest, oldest = redis.call('EXISTS', oldest) == 1 and oldest }
end

-- When the oldest and the newest task of a group that is not empty joined it. Tasks of the future, by a wrong clock, are the
-- newest only if there are no others.
local function timesOf(group, nowS)
  local oldestS = redis.call('ZRANGE', group, 0, 0, 'WITHSCORES')[2]
  return oldestS, redis.call('ZREVRANGEBYSCORE', group, nowS, '-inf', 'WITHSCORES', 'LIMIT', 0, 1)[2] or oldestS
end

-- A task joins a group.
local function noteJoin(times, groupName, joinedAtS)
  if times.newest then redis.pcall('ZADD', times.newest, 'GT', joinedAtS, groupName) end
  if times.oldest then redis.pcall('ZADD', times.oldest, 'LT', joinedAtS, groupName) end
end

-- Corrects the times of a group; without times it has no tasks.
local function setGroupTimes(times, groupName, newestS, oldestS)
  for kind, score in pairs({ newest = newestS or false, oldest = oldestS or false }) do
    local key = times[kind]
    if key and not score then redis.pcall('ZREM', key, groupName) end
    if key and score and redis.pcall('ZSCORE', key, groupName) ~= score then redis.pcall('ZADD', key, score, groupName) end
  end
end
