-- check-rights: which commands this user may not run on the keys of a queue.
--
-- KEYS[1] pending   list  asynq:{q}:pending  stands for all keys of the queue
-- ARGV[1] commands  names of commands whose first argument is a key, comma separated
-- RETURNS the commands that are refused, EVAL among them; none where the server cannot tell, before 7.0
-- COST    O(commands)
local pending, commands = KEYS[1], ARGV[1]

local refused = {}
if redis.acl_check_cmd then
  for command in string.gmatch(commands, '[^,]+') do
    if not redis.acl_check_cmd(command, pending) then refused[#refused + 1] = command end
  end
  if not redis.acl_check_cmd('eval', '', '1', pending) then refused[#refused + 1] = 'eval' end
end
return refused
