-- The sizes of groups that aggregators wait for. A hint: a key of another type counts as none.
local function readFullSizes(fullSizes)
  local sizes = redis.pcall('ZRANGE', fullSizes, 0, -1)
  return sizes.err and {} or sizes
end

-- Whether a group has just reached a size that an aggregator waits for, or a multiple of it: what a slow aggregator left
-- behind is full again then.
local function isFull(group, fullSizes)
  if #fullSizes == 0 then return false end
  local size = redis.call('ZCARD', group)
  for _, fullSize in ipairs(fullSizes) do
    if size % tonumber(fullSize) == 0 then return true end
  end
  return false
end

-- Tells aggregators of the groups whose names are the keys of `fullGroups`. A hint: where publishing is forbidden, they
-- look by themselves.
local function tellFullGroups(fullGroups, groupsChannel)
  for groupName in pairs(fullGroups) do redis.pcall('PUBLISH', groupsChannel, 'full ' .. groupName) end
end
