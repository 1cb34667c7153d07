-- Removes ids from `active`, which holds each of them once. Short handlers end in the order in which they began: then
-- the ids are the tail of the list. Otherwise each is searched for from that end. When that would mean many long walks,
-- the list is copied without them instead: first appended, then cut off, so that a Redis out of memory refuses before
-- anything is lost.
local function leaveActive(active, taskIds)
  local FEW, CHUNK = 16, 1000
  local n = #taskIds
  if n == 0 then return end

  local leaves = {}
  for _, taskId in ipairs(taskIds) do leaves[taskId] = true end
  local function staying(ids)
    local kept = {}
    for _, taskId in ipairs(ids) do
      if not leaves[taskId] then kept[#kept + 1] = taskId end
    end
    return kept
  end

  local oldest = n > 1 and redis.call('LRANGE', active, -n, -1) or {}
  if #oldest == n and #staying(oldest) == 0 then return redis.call('LTRIM', active, 0, -n - 1) end
  if n >= FEW then oldest = redis.call('LRANGE', active, -2 * n, -1) end
  if n >= FEW and #oldest - #staying(oldest) < n then
    local all = redis.call('LRANGE', active, 0, -1)
    local kept, isRefused = staying(all), false
    for at = 1, #kept, CHUNK do
      local reply = redis.pcall('RPUSH', active, unpack(kept, at, math.min(at + CHUNK - 1, #kept)))
      isRefused = isRefused or type(reply) == 'table'
    end
    if not isRefused then return redis.call('LTRIM', active, #all, -1) end
    redis.call('LTRIM', active, 0, #all - 1)
  end
  for _, taskId in ipairs(taskIds) do redis.call('LREM', active, -1, taskId) end
end
