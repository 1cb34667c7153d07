-- Adds n to the counter of the day, which expires, and to the total. A counter that is full, not a number or a key of
-- another type starts again: it must not stop a settlement.
local function count(dayKey, totalKey, n, expiresAtS)
  if n == 0 then return end
  local function add(key)
    local reply = redis.pcall('INCRBY', key, n)
    if type(reply) == 'number' then return reply end
    redis.pcall('SET', key, n)
    return n
  end
  if add(dayKey) == n then redis.pcall('EXPIREAT', dayKey, expiresAtS) end
  add(totalKey)
end
