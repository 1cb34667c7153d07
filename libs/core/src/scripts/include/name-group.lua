-- Adds a group to the names of groups. Where that key is of another type the name is expected instead, and repair adds it
-- when the key is fixed.
local function nameGroup(groups, expectedGroups, groupName, nowS)
  local added = redis.pcall('SADD', groups, groupName)
  if type(added) == 'number' then return added end
  expectGroup(expectedGroups, groupName, nowS, nowS)
  return 0
end
