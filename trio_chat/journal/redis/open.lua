-- Claim a name for a node, give it a fresh fencing number, and change the epoch if entries that the node knows were lost.
-- ARGV: node, lease in ms, epoch if a new one is needed, last id and its time as the node knows them (0 for none),
--       epoch as the node knows it or '', holder of the name, number of starts as the node knows it, format
-- -> {epoch, last_id, pruned_to, fence, number of the node's last batch, outcome of that, newest id and its time,
--    number of starts, '1' if another node has taken over the clients of this one}, or {'held', ms}, {'newer', format} or
--    {'older', a node that writes the former format}
local format, known_format = tonumber(ARGV[9]), meta('format')
if known_format > format then
    return {'newer', known_format}
end
if known_format < format then
    for _, other in ipairs(redis.call('SMEMBERS', key('nodes'))) do
        if known_format > 0 and other ~= ARGV[1] and redis.call('EXISTS', key('lease:' .. other)) == 1 then
            return {'older', other}
        end
    end
    redis.call('HSET', key('meta'), 'format', number(format))
end
local LOST_AT_MOST = 1000000
local node, lease_ms, fresh, last_id, time, known_epoch = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
local holder = redis.call('GET', key('lease:' .. node))
if holder and holder ~= ARGV[7] then
    return {'held', redis.call('PTTL', key('lease:' .. node))}
end
redis.call('SET', key('lease:' .. node), ARGV[7], 'PX', lease_ms)
redis.call('SADD', key('nodes'), node)
local was_adopted = redis.call('HDEL', key('node:' .. node), 'adopted') == 1

local epoch = redis.call('HGET', key('meta'), 'epoch')
local function is_lost()
    if last_id == 0 then
        return false
    end
    if meta('last_id') < last_id then
        return true
    end
    if known_epoch ~= '' and known_epoch ~= epoch then
        return false
    end
    local entry = entry_at(last_id)
    return last_id > meta('pruned_to') and not (entry and entry[3] == time)
end

-- Other nodes may have heard of later entries than this one: no id that they know may be given again.
if not epoch or is_lost() then
    epoch = fresh
    local above = last_id > 0 and math.max(meta('last_id'), last_id) + LOST_AT_MOST or meta('last_id')
    redis.call('HSET', key('meta'), 'epoch', epoch, 'last_id', number(above))
end
redis.call('HSET', key('meta'), 'starts', number(math.max(meta('starts'), tonumber(ARGV[8])) + 1))
local newest = redis.call('XREVRANGE', key('order'), '+', '-', 'COUNT', 1)[1]
local fence = redis.call('HINCRBY', key('node:' .. node), 'fence', 1)
local known = redis.call('HMGET', key('node:' .. node), 'batch', 'outcome')
return {
    epoch, meta('last_id'), meta('pruned_to'), fence, known[1] and whole(known[1]) or 0, known[2] or '',
    newest and from_stream(newest[1]) or 0, newest and field(newest[2], 't') or '', meta('starts'),
    was_adopted and known_epoch == epoch and '1' or ''
}
