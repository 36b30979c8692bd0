-- Functions that `append` and `load` share. A script is not rolled back, so it checks everything before its first write.

-- Append one entry to its room. `class` is `s`, `p` or, for a topic, `t`.
local function append(id, time, room, class, digest, payload)
    local said, text = class == 'p' and 'p' or 's', number(id)
    local stream_id = text .. '-0'
    redis.call('XADD', key(said .. ':' .. room), stream_id, 't', time, 'd', payload,
        'n', said == 's' and redis.call('HINCRBY', key('counts'), room, 1) or 0)
    redis.call('XADD', key('order'), stream_id, 'r', said .. room, 't', time)
    if string.sub(room, 1, 1) ~= '@' then
        redis.call('HSET', key('rooms'), room, text)
    end
    if class == 't' then
        redis.call('ZADD', key('o:' .. room), text, text)
        redis.call('HSET', key('topics'), room, text)
    end
    if digest ~= '' then
        redis.call('HSET', key(shard(digest)), digest, text)
    end
end

-- Put a tombstone in the place of an entry that is not removed yet. -> true if that was done, time of the entry
local function remove(id, room, payload)
    local entry = entry_in(room, id, 's')
    if not entry then
        return false
    end
    redis.call('XDEL', key('s:' .. room), number(id) .. '-0')
    redis.call('XDEL', key('log'), number(id) .. '-0')
    put_detached(room, id, entry[3], payload)
    redis.call('ZREM', key('o:' .. room), number(id))
    if count_in('topics', room) == id then
        local topic = redis.call('ZREVRANGE', key('o:' .. room), 0, 0)[1]
        if topic then
            redis.call('HSET', key('topics'), room, topic)
        else
            redis.call('HDEL', key('topics'), room)
        end
    end
    return true, entry[3]
end

-- The id of the entry that was kept under a digest; nil where there is none, or it was pruned.
local function kept_under(digest)
    local id = digest ~= '' and count_in(shard(digest), digest) or 0
    return id > 0 and id > meta('pruned_to') and id or nil
end

-- A nick is free once the record of its owner has another, or is gone.
local function release_nicks(owner, is_gone)
    local names = redis.call('HGET', key('nick_of'), owner)
    if not names then
        return
    end
    local present, former = string.match(names, '^(%S+) ?(%S*)$')
    for _, nick in ipairs({former or '', is_gone and present or ''}) do
        local holder = nick ~= '' and redis.call('HGET', key('nicks'), nick)
        if holder and string.match(holder, ' (%S+)$') == owner then
            redis.call('HDEL', key('nicks'), nick)
        end
    end
    if is_gone then
        redis.call('HDEL', key('nick_of'), owner)
    elseif present and former ~= '' then
        redis.call('HSET', key('nick_of'), owner, present)
    end
end

local function save_session(node, owner, record)
    if redis.call('SISMEMBER', key('taken:' .. node), owner) == 1 then
        return
    end
    release_nicks(owner, record == '')
    if record == '' then
        redis.call('HDEL', key('sessions:' .. node), owner)
    else
        redis.call('HSET', key('sessions:' .. node), owner, record)
    end
end
