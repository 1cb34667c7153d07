-- Removes the name of a group without tasks from `groups`; '' stands for no group. A superfluous name does no harm, so a key
-- of another type is tolerated.
local function forgetEmptyGroup(groups, group, groupName)
  if groupName ~= '' and redis.call('EXISTS', group) == 0 then redis.pcall('SREM', groups, groupName) end
end
