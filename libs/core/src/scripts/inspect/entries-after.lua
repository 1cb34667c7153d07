-- entries-after: the entries of a sorted set that follow a place in it, whether a member stands there or not.
--
-- KEYS[1] source  zset  asynq:{q}:<state> or asynq:{q}:g:<group>
-- ARGV[1] score     of the place
-- ARGV[2] memberId  of the place: entries of the same score come in the order of their bytes
-- ARGV[3] limit
-- RETURNS id and score of each, the lowest first
-- COST    O(log n x log n + limit)
local source = KEYS[1]
local score, memberId, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])

-- As Redis compares members. Lua compares text by the locale of the server.
local function isBehind(member)
  for at = 1, math.min(#member, #memberId) do
    local own, other = member:byte(at), memberId:byte(at)
    if own ~= other then return own > other end
  end
  return #member > #memberId
end

local low = redis.call('ZCOUNT', source, '-inf', '(' .. score)
local high = redis.call('ZCOUNT', source, '-inf', score)
while low < high do
  local middle = math.floor((low + high) / 2)
  if isBehind(redis.call('ZRANGE', source, middle, middle)[1]) then
    high = middle
  else
    low = middle + 1
  end
end
return redis.call('ZRANGE', source, low, low + limit - 1, 'WITHSCORES')
