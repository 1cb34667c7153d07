-- remove-queue: delete the sets of a queue that has no pending, active, scheduled, retry or archived tasks.
--
-- KEYS[1] pending         list  asynq:{q}:pending
-- KEYS[2] active          list  asynq:{q}:active
-- KEYS[3] scheduled       zset  asynq:{q}:scheduled
-- KEYS[4] retry           zset  asynq:{q}:retry
-- KEYS[5] archived        zset  asynq:{q}:archived
-- KEYS[6] lease           zset  asynq:{q}:lease
-- KEYS[7] expectedGroups  zset  asynq:{q}:expected_groups
-- KEYS[8] events          stream  asynq:{q}:events
-- REPLY   integer
-- RETURNS 1 removed
--         0 some of the first five are not empty; nothing written
--         As in asynq: completed and aggregating tasks, `paused`, locks and counters stay.
-- COST    O(1)
for i = 1, 5 do
  if redis.call('EXISTS', KEYS[i]) == 1 then return 0 end
end
redis.call('DEL', KEYS[6], KEYS[7], KEYS[8])
return 1
