-- ARGV: first id, how many at most. -> ids and times of entries, in turn
local found = {}
for _, pointer in ipairs(redis.call('XRANGE', key('order'), ARGV[1], '+', 'COUNT', ARGV[2])) do
    found[#found + 1] = from_stream(pointer[1])
    found[#found + 1] = tonumber(field(pointer[2], 't')) or 0
end
return found
