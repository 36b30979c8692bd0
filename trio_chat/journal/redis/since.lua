-- Find the first entry kept since a time, by halving. ARGV: microseconds. -> its id, or one more than the last one's
local wanted = tonumber(ARGV[1])
local function first_from(id)
    local found = redis.call('XRANGE', key('order'), number(id), '+', 'COUNT', 1)[1]
    if found then
        return from_stream(found[1]), tonumber(field(found[2], 't')) or 0
    end
end
local low, high = meta('pruned_to') + 1, meta('last_id') + 1
while low < high do
    local middle = math.floor((low + high) / 2)
    local id, time = first_from(middle)
    if not id or time >= wanted then
        high = middle
    else
        low = id + 1
    end
end
return (first_from(low)) or meta('last_id') + 1
