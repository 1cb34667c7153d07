-- The last fetch in a lane of a server: its number, the lease that it gave, and the ids of its tasks.
-- Should the reply be lost, the server returns these tasks, which nobody runs.
local MARK_LIFE_S = 120

-- Whether it is a copy of a fetch whose server has gone on without its reply.
local function isOvertaken(mark, call)
  local stored = redis.pcall('GET', mark)
  local last = type(stored) == 'string' and string.match(stored, '^%d+')
  return last and tonumber(last) > tonumber(call)
end

-- The ids of tasks as one text: of each its bytes, a colon, and the id.
local function joinedIds(taskIds)
  local parts, prefixes = {}, {}
  for i = 1, #taskIds do
    local size = #taskIds[i]
    local prefix = prefixes[size] or size .. ':'
    prefixes[size] = prefix
    parts[2 * i - 1] = prefix
    parts[2 * i] = taskIds[i]
  end
  return table.concat(parts)
end

local function markFetch(mark, call, leaseExpiresAtS, ids)
  redis.call('SET', mark, call .. ' ' .. leaseExpiresAtS .. ' ' .. ids, 'EX', MARK_LIFE_S)
end
