-- What all scripts share: the names of keys, and finding an entry.
--
-- KEYS[1] is the prefix of all keys, with the hash tag. ID is the id of an entry, ROOM the name of a room or mailbox.
--   meta        hash: epoch, last_id, pruned_to, mark_floor, audit, starts, signals, loaded EPOCH
--   log         stream: the newest entries of all rooms, whole; what nodes follow. Its one field has, in lines:
--               time, client that caused it or '', payload; where it removed another the id of that, its time and its
--               tombstone, else three empty ones; room
--   lease:NODE  the holder of a node's name, with a time to live
--   node:NODE   hash: fence, batch, outcome, adopted: another node took its clients over
--   pruning     the node that prunes, with a time to live
--   nodes       set: the nodes that have clients, or had when they were last heard of
--   sessions:NODE  hash: the session records of its clients
--   taken:NODE  set: sessions that another node has taken over, and that this node does not know to be gone
--   clients:NODE  hash: the clients of a node by their ids, for operators and people on other nodes
--   nicks       hash: of each nick of a guest, folded, `NODE OWNER`; nick_of: of each owner, its nick and the former one
--   signals     stream: what nodes tell each other, numbered by meta's field signals
--   order       stream: of every entry, its room, behind `s` or `p`, and its time
--   s:ROOM      stream: entries, but not those of presence, which are in p:ROOM
--   x:ROOM      zset by id: entries out of line: tombstones, and topics that outlived pruning
--   rooms       hash: the id of the newest entry of each room; mailboxes are not in it
--   counts      hash: how many entries each s:ROOM ever got
--   topics      hash: the id of each room's topic; o:ROOM zset: the ids of its former ones, too
--   kept        zset by id: the rooms whose topic outlived pruning
--   marks       zset by id: of each room, the newest entry that was pruned
--   k:SHARD     hash: ids by the digests of session and key
-- The id of an entry in a stream is ID-0, so that streams are read by ids.
local prefix = KEYS[1]

local function key(name)
    return prefix .. name
end

local function meta(field)
    return tonumber(redis.call('HGET', key('meta'), field) or 0)
end

local function number(id)
    return string.format('%.0f', id)
end

local function from_stream(stream_id)
    return tonumber(string.match(stream_id, '^%d+'))
end

-- Tell all nodes something. KIND and the rest: see signals.py
local function signal(node, kind, id, payload)
    local function add(count)
        return redis.pcall('XADD', key('signals'), 'MAXLEN', '~', 10000, number(count) .. '-0',
            'n', node, 'k', kind, 'i', id, 'd', payload)
    end
    local added = add(redis.call('HINCRBY', key('meta'), 'signals', 1))
    if added.err then -- somebody has written a higher number by hand: the next ones go on above it
        local newest = redis.call('XREVRANGE', key('signals'), '+', '-', 'COUNT', 1)[1]
        local count = newest and from_stream(newest[1]) or 0
        redis.call('HSET', key('meta'), 'signals', number(count + 1))
        added = add(count + 1)
    end
    return added
end

local function is_current(node, fence)
    return redis.call('HGET', key('node:' .. node), 'fence') == fence
end

local function shard(digest)
    return key('k:' .. (string.byte(digest, 1) * 32 + math.floor(string.byte(digest, 2) / 8)))
end

-- The value of a field in an entry of a stream, which may have been written by hand.
local function field(fields, name)
    for at = 1, #fields - 1, 2 do
        if fields[at] == name then
            return fields[at + 1]
        end
    end
    return ''
end

-- An entry out of line is written `ID TIME PAYLOAD`.
local function from_apart(member)
    local id, time, payload = string.match(member, '^(%d+) (%d+) (.*)$')
    return tonumber(id), time or '', payload or ''
end

local function apart(room, id)
    return redis.call('ZRANGEBYSCORE', key('x:' .. room), number(id), number(id))[1]
end

local function set_apart(room, id, time, payload)
    redis.call('ZREMRANGEBYSCORE', key('x:' .. room), number(id), number(id))
    redis.call('ZADD', key('x:' .. room), number(id), number(id) .. ' ' .. time .. ' ' .. payload)
end

-- The entry of a room as {id, room, time, payload}; nil where there is none.
local function entry_in(room, id, class)
    local found = redis.call('XRANGE', key(class .. ':' .. room), number(id), number(id))[1]
    if found then
        return {id, room, field(found[2], 't'), field(found[2], 'd')}
    end
    local member = apart(room, id)
    if member then
        local _, time, payload = from_apart(member)
        return {id, room, time, payload}
    end
end

-- The entry with an id, in whatever room.
local function entry_at(id)
    local pointer = redis.call('XRANGE', key('order'), number(id), number(id))[1]
    if pointer then
        local where = field(pointer[2], 'r')
        return entry_in(string.sub(where, 2), id, string.sub(where, 1, 1))
    end
    local room = redis.call('ZRANGEBYSCORE', key('kept'), number(id), number(id))[1]
    return room and entry_in(room, id, 's')
end
