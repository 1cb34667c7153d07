-- The task of a hash is fetched: what belongs to its wait and to its last attempt goes.
local function beginAttempt(task)
  redis.call('HSET', task, 'state', 'active')
  redis.call('HDEL', task, 'pending_since', 'cancel_then', 'progress', 'alone')
end
