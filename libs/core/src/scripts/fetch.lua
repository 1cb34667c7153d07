-- fetch: lease the next tasks to run. The fast form: one call, task keys built from a prefix.
--
-- KEYS[1]    pending  list    asynq:{q}:pending   the right end is next
-- KEYS[2]    paused   string  asynq:{q}:paused
-- KEYS[3]    active   list    asynq:{q}:active    newest at the left
-- KEYS[4]    lease    zset    asynq:{q}:lease     score: lease expiry, unix seconds
-- KEYS[5]    mark     string  asynq:{q}:fetched:<lane>   the last fetch of the lane, see include/mark-fetch.lua
-- UNDECLARED task     hash    asynq:{q}:t:<id>    in the same slot; servers that refuse this use claim.lua and load.lua
-- ARGV[1]    leaseExpiresAtS  unix s
-- ARGV[2]    limit            most tasks, at most 1000
-- ARGV[3]    mostBytes        of messages; the task that would exceed it stays pending, unless it is the first
-- ARGV[4]    taskPrefix       asynq:{q}:t:
-- ARGV[5]    call             number of the call in its lane
-- ARGV[6]    withSince        1: is wanted since when tasks were pending
-- ARGV[7..]  per task: passedId (left in its place; at most 1000)
-- REPLY   {integer, integer, integer, text, {(integer, text | nil, text | nil, integer | nil)...}, (text | nil)...}
-- RETURNS {isPaused 0 or 1, remaining, passedOver, ids (see include/mark-fetch.lua), notes, then per task its message}: few values, since each costs both sides
--         notes, of tasks that have any: which task, from 0, unknown_since_ms or nil, crashes or nil, pending_since in us or nil
--         remaining: tasks left in pending, whatever ended the fetch, without those passed over; 0 in a paused queue
--         A copy of the call that arrives after the server has gone on without its reply takes nothing.
--         Ids without a message, for which nil comes in its place, are dropped, with their stub hash. asynq 0.26
--         leaves them active forever.
-- COST    O(limit + passed tasks)
--@include begin-attempt
--@include has-message
--@include mark-fetch
--@include need-type
--@include next-ids
--@include task-notes
local pending, paused, active, lease, mark = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local leaseExpiresAtS, limit, mostBytes, taskPrefix = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local call, withSince = ARGV[5], ARGV[6] == '1'
local ARGS = 6

if redis.call('EXISTS', paused) == 1 then return { 1, 0, 0, '', {} } end
needType('list', pending, active)
needType('zset', lease)
local found = nextIds(pending, limit, ARGS)
if #found.ids == 0 then return { 0, 0, #found.passed, '', {} } end
if isOvertaken(mark, call) then return { 0, 0, 0, '', {} } end

local taskIds, messages, notes, orphans = {}, {}, {}, {}
local tasks, fetched, leases = {}, {}, {} -- those with a message
local bytes = 0
for i, taskId in ipairs(found.ids) do
  local task = taskPrefix .. taskId
  local fields = withSince and redis.pcall('HMGET', task, 'msg', 'unknown_since_ms', 'crashes', 'pending_since')
    or redis.pcall('HMGET', task, 'msg', 'unknown_since_ms', 'crashes')
  if fields.err and not string.find(fields.err, 'WRONGTYPE', 1, true) then return fields end -- refused, before any write
  local message = fields[1]
  if message then
    bytes = bytes + #message
    if bytes > mostBytes and bytes > #message then break end
    addNotes(notes, i - 1, fields[2], fields[3], fields[4])
    local at = #tasks
    tasks[at + 1], fetched[at + 1], leases[2 * at + 1], leases[2 * at + 2] = task, taskId, leaseExpiresAtS, taskId
  else
    orphans[#orphans + 1] = task
  end
  taskIds[i], messages[i] = taskId, message or false
end

leavePending(pending, found, #taskIds)
for _, task in ipairs(orphans) do deleteStub(task) end
local ids = joinedIds(taskIds)
if #tasks > 0 then
  redis.call('LPUSH', active, unpack(fetched))
  redis.call('ZADD', lease, unpack(leases))
  markFetch(mark, call, leaseExpiresAtS, ids)
  for _, task in ipairs(tasks) do beginAttempt(task) end
end
local passed = found.before[#taskIds + 1] or #found.passed
return { 0, redis.call('LLEN', pending) - passed, passed, ids, notes, unpack(messages) }
