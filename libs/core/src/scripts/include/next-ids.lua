-- The next ids of `pending` to run, without those to pass over, which are the arguments after the first `args`. `before[n]` is the
-- number of ids that were passed over before the nth.
local function nextIds(pending, limit, args)
  local isPassed, ids, passed, before = {}, {}, {}, {}
  for at = args + 1, #ARGV do isPassed[ARGV[at]] = true end
  local tail = redis.call('LRANGE', pending, -limit - (#ARGV - args), -1)
  local n, nPassed = 0, 0 -- counted: the length of a table is searched for
  for i = #tail, 1, -1 do
    if n == limit then break end
    if isPassed[tail[i]] then
      nPassed = nPassed + 1
      passed[nPassed] = tail[i]
    else
      n = n + 1
      ids[n], before[n] = tail[i], nPassed
    end
  end
  return { ids = ids, passed = passed, before = before }
end

-- Removes the first `taken` of these ids. Those that were passed over are next to run, in their order.
local function leavePending(pending, found, taken)
  local stay = {}
  for at = found.before[taken], 1, -1 do stay[#stay + 1] = found.passed[at] end
  redis.call('LTRIM', pending, 0, -taken - #stay - 1)
  if #stay > 0 then redis.call('RPUSH', pending, unpack(stay)) end
end
