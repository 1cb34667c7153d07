-- A function that gives each task in turn a key of its own, the lock of a task with a lock for example: they are the keys
-- from `first` on, in the order of their tasks, for those tasks that have one.
local function keysFrom(first)
  local at = first - 1
  return function(hasKey)
    if not hasKey then return nil end
    at = at + 1
    return KEYS[at]
  end
end
