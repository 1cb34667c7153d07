-- check-rights: find the commands that this user may not run on the keys of a queue.
--
-- KEYS[1] pending   list  asynq:{q}:pending  stands for all keys of the queue
-- ARGV[1] commands  names of commands whose first argument is a key, comma separated
-- REPLY   {text...} | nil
-- RETURNS the refused commands, EVAL among them; nil on servers before 7.0, which cannot tell
-- COST    O(commands)
local pending, commands = KEYS[1], ARGV[1]

if not redis.acl_check_cmd then return nil end

local refused = {}
for command in string.gmatch(commands, '[^,]+') do
  if not redis.acl_check_cmd(command, pending) then refused[#refused + 1] = command end
end
if not redis.acl_check_cmd('eval', '', '1', pending) then refused[#refused + 1] = 'eval' end
return refused
