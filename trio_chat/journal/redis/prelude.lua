-- Functions that all scripts share: the names of keys, and the lookup of entries.
--
-- KEYS[1] is the prefix of all keys, with the hash tag. ID is the id of an entry, ROOM the name of a room or mailbox.
--   meta        hash: format, epoch, last_id, pruned_to, mark_floor, audit, starts, signals, loaded EPOCH
--   log         stream: the newest entries of all rooms, whole; what nodes follow. Its one field has, in lines:
--               time, client that caused it or '', payload; where it removed another the id of that, its time and its
--               tombstone, else three empty ones; room
--   replicated  stream: its one entry has the id up to which replicas have everything, where they are asked for
--   lease:NODE  the holder of a node's name, with a time to live
--   node:NODE   hash: fence, batch, outcome, audit: its last record there, adopted: another node took its clients over
--   pruning     the node that prunes, with a time to live
--   nodes       set: the nodes that have clients, or had when they were last heard of
--   sessions:NODE  hash: the session records of its clients
--   taken:NODE  set: sessions that another node has taken over, and that this node does not know to be gone
--   clients:NODE  hash: the clients of a node by their ids, for operators and people on other nodes
--   nicks       hash: of each nick of a guest, folded, `NODE OWNER`; nick_of: of each owner, its nick and the former one
--   signals     stream: what nodes tell each other, numbered by meta's field signals
--   order       stream: of every entry, its room, behind `s` or `p`, and its time
--   s:ROOM      stream: entries, but not those of presence, which are in p:ROOM
--   x:ROOM      zset by id: detached entries, which are tombstones and topics that outlived pruning
--   rooms       hash: the id of the newest entry of each room; mailboxes are not in it
--   counts      hash: how many entries each s:ROOM ever got
--   topics      hash: the id of each room's topic; o:ROOM zset: the ids of its former ones, too
--   kept        zset by id: the rooms whose topic outlived pruning
--   marks       zset by id: of each room, the newest entry that was pruned
--   k:SHARD     hash: ids by the digests of session and key
-- Versions that differ in nothing but what is below serve one chat side by side; any other change raises FORMAT in
-- claim.py. A record has a new field, which others keep. An entry has new fields behind the last, or is of a new kind.
-- There is a new signal, a new key, or a script does otherwise: it is another script then, by another digest.
-- The id of an entry in a stream is ID-0, so that streams are read by ids.
local prefix = KEYS[1]

local function key(name)
    return prefix .. name
end

-- A whole number as it is written; nil for what somebody has written by hand.
local function whole(text)
    return #text <= 16 and string.match(text, '^%d+$') and tonumber(text) or nil
end

local function meta(field)
    local found = redis.call('HGET', key('meta'), field)
    if not found then
        return 0
    end
    return whole(found) or error({err = 'DAMAGED meta ' .. field})
end

-- Raise the error of a call of a key, with its name.
local function raise(answer, name)
    error({err = string.find(answer.err, 'WRONGTYPE', 1, true) and 'REPLACED ' .. name or answer.err})
end

-- A number in another hash; 0 where there is none that can be read.
local function count_in(name, field)
    local found = redis.pcall('HGET', key(name), field)
    if type(found) == 'table' then
        raise(found, name)
    end
    return found and whole(found) or 0
end

local function number(id)
    return string.format('%.0f', id)
end

local function from_stream(stream_id)
    return tonumber(string.match(stream_id, '^%d+'))
end

-- Append to a stream whose entries are numbered by the field of meta that is called like it.
local function add_numbered(name, trim, fields)
    local function add(count)
        local words = {unpack(trim)}
        words[#words + 1] = number(count) .. '-0'
        for _, word in ipairs(fields) do
            words[#words + 1] = word
        end
        return redis.pcall('XADD', key(name), unpack(words))
    end
    local count = redis.pcall('HINCRBY', key('meta'), name, 1)
    local added = type(count) == 'number' and add(count) or count
    if added.err then -- a number was written by hand, here or there: the next ones go on above the newest
        local newest = redis.call('XREVRANGE', key(name), '+', '-', 'COUNT', 1)[1]
        local above = newest and from_stream(newest[1]) + 1 or 1
        redis.call('HSET', key('meta'), name, number(above))
        added = add(above)
    end
    if added.err then
        raise(added, name)
    end
end

-- Tell all nodes something. KIND and the rest: see signals.py
local function signal(node, kind, id, payload)
    add_numbered('signals', {'MAXLEN', '~', 10000}, {'n', node, 'k', kind, 'i', id, 'd', payload})
end

local function is_current(node, fence)
    return redis.call('HGET', key('node:' .. node), 'fence') == fence
end

-- The id up to which replicas have everything.
local function replicated_to()
    local newest = redis.call('XREVRANGE', key('replicated'), '+', '-', 'COUNT', 1)[1]
    return newest and from_stream(newest[1]) or 0
end

local function shard(digest)
    return 'k:' .. (string.byte(digest, 1) * 32 + math.floor(string.byte(digest, 2) / 8))
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

-- The payload of an entry; '' in place of one that is longer than any (PAYLOAD_BYTES_MAX in rows.py), which is damaged.
local function payload_in(fields)
    local payload = field(fields, 'd')
    return #payload <= 65536 and payload or ''
end

-- A detached entry is written `ID TIME PAYLOAD`.
local function parse_detached(member)
    local id, time, payload = string.match(member, '^(%d+) (%d+) (.*)$')
    return tonumber(id), time or '', payload or ''
end

local function detached(room, id)
    return redis.call('ZRANGEBYSCORE', key('x:' .. room), number(id), number(id))[1]
end

local function put_detached(room, id, time, payload)
    redis.call('ZREMRANGEBYSCORE', key('x:' .. room), number(id), number(id))
    redis.call('ZADD', key('x:' .. room), number(id), number(id) .. ' ' .. time .. ' ' .. payload)
end

-- The entry of a room as {id, room, time, payload}; nil where there is none.
local function entry_in(room, id, class)
    local found = redis.call('XRANGE', key(class .. ':' .. room), number(id), number(id))[1]
    if found then
        return {id, room, field(found[2], 't'), payload_in(found[2])}
    end
    local member = detached(room, id)
    if member then
        local _, time, payload = parse_detached(member)
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
