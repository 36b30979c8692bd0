-- List rooms, a page at a time. ARGV: cursor. -> {cursor, {room, last id, time of its topic, its topic's payload}...}
local page = redis.call('HSCAN', key('rooms'), ARGV[1], 'COUNT', 200)
local found = {page[1]}
for at = 1, #page[2], 2 do
    local room = page[2][at]
    local topic = count_in('topics', room)
    local entry = topic > 0 and entry_in(room, topic, 's') or {0, room, '', ''}
    found[#found + 1] = {room, page[2][at + 1], topic, entry[3], entry[4]}
end
return found
