-- Read the times of entries. ARGV: first id, entries at most. -> id, time, and so on
local found = {}
for _, pointer in ipairs(redis.call('XRANGE', key('order'), ARGV[1], '+', 'COUNT', ARGV[2])) do
    found[#found + 1] = from_stream(pointer[1])
    found[#found + 1] = tonumber(field(pointer[2], 't')) or 0
end
return found
