-- Prune one slice. ARGV: highest id, entries of a slice, rooms with a mark at most, then the digests that go with it
-- -> the highest id that was pruned
local MARKS_SHARE = 8
local target, most = tonumber(ARGV[1]), tonumber(ARGV[3])

local function raise_mark(room, id)
    redis.call('ZADD', key('marks'), 'GT', number(id), room)
    if redis.call('ZCARD', key('marks')) > most then
        local gone = redis.call('ZPOPMIN', key('marks'), math.max(1, math.floor(most / MARKS_SHARE)))
        redis.call('HSET', key('meta'), 'mark_floor', number(math.max(meta('mark_floor'), tonumber(gone[#gone]))))
    end
end

-- Remove detached entries up to an id, but not the topic.
local function trim_detached(room, to)
    local topic = count_in('topics', room)
    local member = topic > 0 and topic <= to and detached(room, topic)
    redis.call('ZREMRANGEBYSCORE', key('x:' .. room), '-inf', number(to))
    redis.call('ZREMRANGEBYSCORE', key('o:' .. room), '-inf', number(to))
    if topic > 0 and topic <= to then
        redis.call('ZADD', key('o:' .. room), number(topic), number(topic))
    end
    if member then
        redis.call('ZADD', key('x:' .. room), number(topic), member)
    end
end

local function delete_if_empty(room)
    for _, class in ipairs({'s', 'p'}) do
        if redis.call('XLEN', key(class .. ':' .. room)) == 0 then
            redis.call('DEL', key(class .. ':' .. room))
        end
    end
    if redis.call('EXISTS', key('s:' .. room), key('p:' .. room), key('x:' .. room)) == 0 then
        redis.call('HDEL', key('rooms'), room)
        redis.call('HDEL', key('counts'), room)
    end
end

-- Topics that outlived an earlier pruning, and are none any more.
local kept = redis.call('ZRANGE', key('kept'), 0, -1, 'WITHSCORES')
for at = 1, #kept, 2 do
    local room, id = kept[at], tonumber(kept[at + 1])
    if count_in('topics', room) ~= id and id <= meta('pruned_to') then
        redis.call('ZREM', key('kept'), room)
        redis.call('ZREMRANGEBYSCORE', key('x:' .. room), number(id), number(id))
        raise_mark(room, id)
        delete_if_empty(room)
    end
end

local slice = redis.call('XRANGE', key('order'), '-', number(target), 'COUNT', ARGV[2])
local cut = #slice < tonumber(ARGV[2]) and target or from_stream(slice[#slice][1])
local marks = {}
for _, pointer in ipairs(slice) do
    local room, id = string.sub(field(pointer[2], 'r'), 2), from_stream(pointer[1])
    marks[room] = marks[room] or 0
    if count_in('topics', room) == id then
        local entry = entry_in(room, id, 's')
        if entry then
            put_detached(room, id, entry[3], entry[4])
            redis.call('ZADD', key('kept'), number(id), room)
        end
    else
        marks[room] = id
    end
end
for room, id in pairs(marks) do
    if id > 0 then
        raise_mark(room, id)
    end
    redis.call('XTRIM', key('s:' .. room), 'MINID', '=', number(cut + 1))
    redis.call('XTRIM', key('p:' .. room), 'MINID', '=', number(cut + 1))
    trim_detached(room, cut)
    delete_if_empty(room)
end
redis.call('XTRIM', key('order'), 'MINID', '=', number(cut + 1))
redis.call('XTRIM', key('log'), 'MINID', '=', number(cut + 1))
for at = 4, #ARGV do
    local id = count_in(shard(ARGV[at]), ARGV[at])
    if id > 0 and id <= cut then
        redis.call('HDEL', key(shard(ARGV[at])), ARGV[at])
    end
end
redis.call('HSET', key('meta'), 'pruned_to', number(math.max(cut, meta('pruned_to'))))
return cut
