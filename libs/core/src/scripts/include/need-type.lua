-- The type of a key if it is another one than `kind`, nil if it is the same or the key is missing.
local function oddType(kind, key)
  local found = redis.call('TYPE', key).ok
  if found ~= kind and found ~= 'none' then return found end
end

-- Fails before the script has written anything if a key that it will write is of another type: an id removed from one
-- list must not be lost on its way to the next. The error names the key.
local function needType(kind, ...)
  for _, key in ipairs({ ... }) do
    local found = oddType(kind, key)
    if found then error('WRONGTYPE ' .. key .. ' holds a ' .. found .. ', not a ' .. kind) end
  end
end
