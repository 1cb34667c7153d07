-- Search budget of one call, in list entries: about 3 ms, during which Redis serves no other client.
local walk = 100000

-- Removes an id from the list or the sorted set in which it waits: 1 removed, 0 not there, -1 too far from the end at
-- which the search begins (the right one with `nearTail`). `isUnbounded` searches the whole list. With a `stamp` the id
-- is removed only if it has not left and come back: the stamp is its score in a sorted set, and its `pending_since` in
-- a list, or '-' when that is missing.
local function take(source, isList, nearTail, isUnbounded, taskId, task, stamp)
  if not isList then
    if stamp ~= '' and redis.call('ZSCORE', source, taskId) ~= stamp then return 0 end
    return redis.call('ZREM', source, taskId)
  end
  -- The search for an id that has left the list would walk through all of it.
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
