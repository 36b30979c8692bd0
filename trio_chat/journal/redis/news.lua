-- Count what was said above an id each. ARGV: room, id, and so on. -> the numbers
local counts = {}
for at = 1, #ARGV, 2 do
    local room, mark = ARGV[at], tonumber(ARGV[at + 1])
    local first = redis.call('XRANGE', key('s:' .. room), number(mark + 1), '+', 'COUNT', 1)[1]
    local said = 0
    if first then
        said = count_in('counts', room) - (whole(field(first[2], 'n')) or 0) + 1
    end
    local to = first and '(' .. number(from_stream(first[1])) or '+inf'
    counts[#counts + 1] = said + redis.call('ZCOUNT', key('x:' .. room), '(' .. number(mark), to)
end
return counts
