-- entries-after: read the entries of a sorted set behind a position, whether or not a member is there.
--
-- KEYS[1] source  zset  asynq:{q}:<state>, asynq:{q}:g:<group> or asynq:{q}:groups_by_<newest or oldest>
-- ARGV[1] score     of the position
-- ARGV[2] memberId  of the position: entries of equal score are ordered by their bytes
-- ARGV[3] limit
-- REPLY   {(text, text)...}
-- RETURNS id and score of each, the lowest first
-- COST    O(log n x log n + limit)
local source = KEYS[1]
local score, memberId, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])

-- Compares bytes, as Redis does; Lua's own comparison follows the locale of the server.
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
