-- Read entries of all rooms. ARGV: first id, last id, how many at most, `1` for the newest
-- -> as `read`; of an entry that cannot be found only its id
local first, last, limit, is_newest = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1'
local found = {}
local rooms = is_newest and redis.call('ZREVRANGEBYSCORE', key('kept'), last, first, 'WITHSCORES', 'LIMIT', 0, limit)
    or redis.call('ZRANGEBYSCORE', key('kept'), first, last, 'WITHSCORES', 'LIMIT', 0, limit)
for at = 1, #rooms, 2 do
    found[#found + 1] = entry_in(rooms[at], tonumber(rooms[at + 1]), 's')
end
local pointers = is_newest and redis.call('XREVRANGE', key('order'), last, first, 'COUNT', limit)
    or redis.call('XRANGE', key('order'), first, last, 'COUNT', limit)
for _, pointer in ipairs(pointers) do
    local where, id = field(pointer[2], 'r'), from_stream(pointer[1])
    found[#found + 1] = entry_in(string.sub(where, 2), id, string.sub(where, 1, 1)) or {id}
end
return found
