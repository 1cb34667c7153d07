-- A function that gives the lock of each task in turn, for those that have one: the locks are the keys from `first` on, in
-- the order of their tasks.
local function locksFrom(first)
  local at = first - 1
  return function(hasLock)
    if not hasLock then return nil end
    at = at + 1
    return KEYS[at]
  end
end
