-- read-hashes: read fields of hashes, up to a number of bytes.
--
-- KEYS[1..] record  hash  asynq:{q}:t:<id> or asynq:{q}:schedule:<name>
-- ARGV[1] mostBytes  limit for all values together; the first hash is read regardless of its size
-- ARGV[2] fields     names, separated by commas
-- REPLY   {(text | nil)...}
-- RETURNS per hash, in order, its fields, nil where there is none, all nil for a key of another type; when these are fewer hashes than given, another call reads the rest
-- COST    O(hashes), and the bytes returned
local mostBytes = tonumber(ARGV[1])
local fields = {}
for field in string.gmatch(ARGV[2], '[^,]+') do fields[#fields + 1] = field end

local reply, bytes, size = {}, 0, 0
for i, record in ipairs(KEYS) do
  local values = redis.pcall('HMGET', record, unpack(fields))
  if values.err then values = {} end
  for at = 1, #fields do
    values[at] = values[at] or false
    bytes = bytes + (values[at] and #values[at] or 0)
  end
  if i > 1 and bytes > mostBytes then break end
  for _, value in ipairs(values) do
    size = size + 1
    reply[size] = value
  end
end
return reply
