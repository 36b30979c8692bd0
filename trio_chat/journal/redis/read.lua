-- Read entries of one room. ARGV: room, classes (`s` or `sp`), first id, last id, how many at most, `1` for the newest
-- -> {id, room, time, payload} of each, in no order: the reader sorts them, and takes as many as it wants
local room, first, last, limit, is_newest = ARGV[1], ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6] == '1'
local found = {}
for class in string.gmatch(ARGV[2], '.') do
    local name = key(class .. ':' .. room)
    local entries = is_newest and redis.call('XREVRANGE', name, last, first, 'COUNT', limit)
        or redis.call('XRANGE', name, first, last, 'COUNT', limit)
    for _, entry in ipairs(entries) do
        found[#found + 1] = {from_stream(entry[1]), room, field(entry[2], 't'), payload_in(entry[2])}
    end
end
local name = key('x:' .. room)
local members = is_newest and redis.call('ZREVRANGEBYSCORE', name, last, first, 'WITHSCORES', 'LIMIT', 0, limit)
    or redis.call('ZRANGEBYSCORE', name, first, last, 'WITHSCORES', 'LIMIT', 0, limit)
for at = 1, #members, 2 do
    local _, time, payload = parse_detached(members[at])
    found[#found + 1] = {math.floor(tonumber(members[at + 1])), room, time, payload}
end
return found
