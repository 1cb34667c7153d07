-- The last fetch in a lane of a server: its number, the lease that it gave, and the ids of its tasks, each behind its length.
-- Should the reply be lost, the server returns these tasks, which nobody runs.
local MARK_LIFE_S = 120

-- Whether it is a copy of a fetch whose server has gone on without its reply.
local function isOvertaken(mark, call)
  local stored = redis.pcall('GET', mark)
  local last = type(stored) == 'string' and string.match(stored, '^%d+')
  return last and tonumber(last) > tonumber(call)
end

local function markFetch(mark, call, leaseExpiresAtS, taskIds)
  local parts = { call, ' ', leaseExpiresAtS, ' ' }
  for _, taskId in ipairs(taskIds) do parts[#parts + 1] = #taskId .. ':' .. taskId end
  redis.call('SET', mark, table.concat(parts), 'EX', MARK_LIFE_S)
end
