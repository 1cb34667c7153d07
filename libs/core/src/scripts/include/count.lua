-- Adds n to the counter of a day, which expires, and to its total, which starts again when 63 bits are full.
local function count(dayKey, totalKey, n, expiresAtS)
  if n == 0 then return end
  if redis.call('INCRBY', dayKey, n) == n then redis.call('EXPIREAT', dayKey, expiresAtS) end
  local reply = redis.pcall('INCRBY', totalKey, n)
  if type(reply) == 'table' and reply.err then redis.call('SET', totalKey, n) end
end
