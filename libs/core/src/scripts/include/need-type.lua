-- Ends the script before it has written anything when a key that it is about to write to is of another type: what it took out
-- of one list must not be lost on its way to the next. The error names the key.
local function needType(kind, ...)
  for _, key in ipairs({ ... }) do
    local found = redis.call('TYPE', key).ok
    if found ~= kind and found ~= 'none' then error('WRONGTYPE ' .. key .. ' holds a ' .. found .. ', not a ' .. kind) end
  end
end
