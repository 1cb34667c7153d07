-- Returns a function to call for each task in turn: it gives the task's optional key, such as its lock. These are the
-- keys from `first` on, in the order of the tasks that have one.
local function keysFrom(first)
  local at = first - 1
  return function(hasKey)
    if not hasKey then return nil end
    at = at + 1
    return KEYS[at]
  end
end
