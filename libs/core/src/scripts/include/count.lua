-- Adds n to the counter of a day, which expires, and to its total. A counter stops no settlement: one that is full, holds no
-- number or is of another type starts again.
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
