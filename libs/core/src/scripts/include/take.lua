-- Most entries of a list that one call of a script walks past: about 3 ms, and Redis serves nobody else meanwhile.
local walk = 100000

-- Takes an id out of the list or the sorted set it waits in: 1 taken, 0 not there, -1 not near enough to the end at
-- which the search begins (the right one with `nearTail`). `isUnbounded` walks as far as it must. With a `stamp` only as
-- long as it has not left and come back: a stamp is the score in a sorted set, and `pending_since` in a list, or '-' when
-- that is missing.
local function take(source, isList, nearTail, isUnbounded, taskId, task, stamp)
  if not isList then
    if stamp ~= '' and redis.call('ZSCORE', source, taskId) ~= stamp then return 0 end
    return redis.call('ZREM', source, taskId)
  end
  -- An id that has left the list is nowhere in it, and a search would walk past all of it.
  local found = redis.pcall('HMGET', task, 'state', 'msg', 'pending_since')
  if found[2] and found[1] ~= 'pending' then return 0 end
  if stamp ~= '' and stamp ~= (found[3] or '-') then return 0 end
  local fromEnd = nearTail and -1 or 1
  if isUnbounded then return redis.call('LREM', source, fromEnd, taskId) end
  if walk <= 0 then return -1 end
  local length = redis.call('LLEN', source)
  local place = redis.call('LPOS', source, taskId, 'RANK', fromEnd, 'MAXLEN', walk)
  if not place then
    local isAll = walk >= length
    walk = walk - math.min(walk, length)
    return isAll and 0 or -1
  end
  walk = walk - (nearTail and length - place or place + 1)
  return redis.call('LREM', source, fromEnd, taskId)
end
