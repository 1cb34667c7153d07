-- enqueue-pending: write new tasks that run at once and have neither a lock nor a group, as `enqueue` does.
--
-- KEYS[1]   pending    list    asynq:{q}:pending           new ids at the left
-- KEYS[2]   completed  zset    asynq:{q}:completed         score: deletion time, unix seconds
-- KEYS[3]   mark       string  asynq:{q}:enqueued:<lane>   the last call of a lane of a client, and which of its tasks were written
-- KEYS[4..] task       hash    asynq:{q}:t:<id>            one per task
-- ARGV[1]   nowS       unix s
-- ARGV[2]   nowNs      unix ns
-- ARGV[3]   call       number of the call in its lane; a repeat has the same one, later calls have higher ones
-- ARGV[4]   markLifeS  seconds
-- ARGV[5..] per task: message (protobuf)
-- REPLY   integer | {integer | {text, text, text} per task}
-- RETURNS if all tasks were written now, the number of pending tasks: with that of the new ones it tells whether the queue had been
--         empty; otherwise per task what `enqueue` returns
-- COST    O(tasks)
--@include need-type
--@include task-hash
--@include enqueue-mark
local pending, completed, mark = KEYS[1], KEYS[2], KEYS[3]
local nowS, nowNs, call, markLifeS = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local FIRST_TASK, ARGS = 4, 4
-- The key of a task ends with its id.
local idAt = #pending - #'pending' + #'t:' + 1
local tasks = #ARGV - ARGS

local writtenBefore, isRepeat = readMark(mark, call)
if not writtenBefore then return {} end
local odd = oddType('list', pending)

local replies, written, ids = {}, {}, {}
for i = 1, tasks do
  local task = KEYS[FIRST_TASK + i - 1]
  local taskId = string.sub(task, idAt)
  if string.sub(writtenBefore, i, i) == '1' then
    replies[i], written[i] = 1, '1'
  elseif odd then
    replies[i], written[i] = { pending, odd, 'list' }, '0'
  else
    local isTaken, isExpired = idTaken(task, taskId, completed, nowS)
    if isTaken then
      replies[i], written[i] = 0, '0'
    else
      if isExpired then clearExpired(task, taskId, completed) end
      writePending(task, ARGV[ARGS + i], nowNs)
      replies[i], written[i] = 1, '1'
      ids[#ids + 1] = taskId
    end
  end
end
local waiting
if #ids > 0 then
  waiting = redis.call('LPUSH', pending, unpack(ids))
  writeMark(mark, call, table.concat(written), markLifeS)
elseif isRepeat then
  renewMark(mark, markLifeS)
end
if #ids == tasks then return waiting end
return replies
