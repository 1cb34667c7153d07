-- find-hashes: among tasks, find those whose message contains all of some texts, and read fields of them.
--
-- KEYS[1..] record  hash  asynq:{q}:t:<id>
-- ARGV[1]  mostBytes     limit for the values returned; the first match is read regardless of its size
-- ARGV[2]  mostSearched  limit for the bytes of the messages searched; the first is searched regardless of its size
-- ARGV[3]  fields        names, separated by commas
-- ARGV[4]  ignoresCase   1: ASCII letters of either case are equal; the texts are in lower case
-- ARGV[5]  queueName
-- ARGV[6]  idFrom        where the id begins in a key
-- ARGV[7..] per text: text
-- REPLY   {integer, {integer...}, {(text | nil)...}}
-- RETURNS {number of hashes searched, places of the matches from 0, their fields in order}; when fewer were searched than
--         given, another call continues. A message without its own id or queue counts as a match: the caller shows why it
--         cannot be read
-- COST    O(hashes), and the bytes searched
local mostBytes, mostSearched = tonumber(ARGV[1]), tonumber(ARGV[2])
local ignoresCase, queueName, idFrom = ARGV[4] == '1', ARGV[5], tonumber(ARGV[6])
local ARGS = 6
local fields = {}
for field in string.gmatch(ARGV[3], '[^,]+') do fields[#fields + 1] = field end

local function isFound(message, record)
  local isSound = string.find(message, string.sub(record, idFrom), 1, true) and string.find(message, queueName, 1, true)
  if not isSound then return true end
  if ignoresCase then message = string.lower(message) end
  for at = ARGS + 1, #ARGV do
    if not string.find(message, ARGV[at], 1, true) then return false end
  end
  return true
end

local places, found, size, bytes, seen = {}, {}, 0, 0, 0
for i, record in ipairs(KEYS) do
  local message = redis.pcall('HGET', record, 'msg')
  if type(message) == 'string' then
    seen = seen + #message
    if i > 1 and seen > mostSearched then return { i - 1, places, found } end
    if isFound(message, record) then
      local values = redis.call('HMGET', record, unpack(fields))
      for at = 1, #fields do bytes = bytes + (values[at] and #values[at] or 0) end
      if #places > 0 and bytes > mostBytes then return { i - 1, places, found } end
      places[#places + 1] = i - 1
      for at = 1, #fields do
        size = size + 1
        found[size] = values[at]
      end
    end
  end
end
return { #KEYS, places, found }
