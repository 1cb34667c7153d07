-- A `pending_since` in microseconds, which are exact as a number; false if it is missing, or another program wrote
-- something else.
local function sinceUs(pendingSinceNs)
  local ns = pendingSinceNs and tonumber(pendingSinceNs)
  return ns and ns > 0 and ns < 2 ^ 63 and math.floor(ns / 1000)
end

-- Adds what is known of the nth task besides its message, which is nothing for most: `unknownSinceMs`, `crashes` and `pendingSinceNs` as stored.
local function addNotes(notes, nth, unknownSinceMs, crashes, pendingSinceNs)
  local since = sinceUs(pendingSinceNs)
  if not (unknownSinceMs or crashes or since) then return end
  local at = #notes
  notes[at + 1], notes[at + 2], notes[at + 3], notes[at + 4] = nth, unknownSinceMs, crashes, since or false
end
