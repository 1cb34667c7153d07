-- Removes the name of a group that has no tasks left from the names of groups; '' is the name of no group.
local function forgetEmptyGroup(groups, group, groupName)
  if groupName ~= '' and redis.call('EXISTS', group) == 0 then redis.call('SREM', groups, groupName) end
end
