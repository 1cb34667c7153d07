-- The group sizes that aggregators wait for. A hint: a key of another type counts as none.
local function readFullSizes(fullSizes)
  local sizes = redis.pcall('ZRANGE', fullSizes, 0, -1)
  return sizes.err and {} or sizes
end

-- Whether a group has just reached a size that an aggregator waits for, or a multiple of it: then the tasks that a slow
-- aggregator left behind make a full group again.
local function isFull(group, fullSizes)
  if #fullSizes == 0 then return false end
  local size = redis.call('ZCARD', group)
  for _, fullSize in ipairs(fullSizes) do
    if size % tonumber(fullSize) == 0 then return true end
  end
  return false
end

-- Publishes the names of full groups, the keys of `fullGroups`. A hint: without the right to publish, aggregators poll.
local function publishFullGroups(fullGroups, groupsChannel)
  for groupName in pairs(fullGroups) do redis.pcall('PUBLISH', groupsChannel, 'full ' .. groupName) end
end
