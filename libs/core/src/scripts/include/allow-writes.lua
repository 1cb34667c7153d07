-- A full Redis (`maxmemory`, `noeviction`) refuses the first write of a script if that may take memory, but none after another
-- write. This write frees and changes nothing, so that a worker goes on and a full queue can empty itself.
local function allowWrites(zset)
  redis.pcall('ZREM', zset, '\0')
end
