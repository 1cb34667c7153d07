-- A `pending_since` in microseconds, which are exact as a number; false if it is missing, or another program wrote
-- something else.
local function sinceUs(pendingSinceNs)
  local ns = pendingSinceNs and tonumber(pendingSinceNs)
  return ns and ns > 0 and ns < 2 ^ 63 and math.floor(ns / 1000)
end
