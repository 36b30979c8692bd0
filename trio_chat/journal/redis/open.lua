-- Claim the chat for a node, give it a fresh fencing number, and change the epoch if entries that the node knows were lost.
-- ARGV: node, lease in ms, epoch if a new one is needed, last id and its time as the node knows them (0 for none)
-- -> {epoch, last_id, pruned_to, fence, number of the node's last batch, outcome of that, newest id and its time},
--    or {'held', node, ms}
local node, lease_ms, fresh, last_id, time = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local holder = redis.call('GET', key('lease'))
if holder and holder ~= node then
    return {'held', holder, redis.call('PTTL', key('lease'))}
end
redis.call('SET', key('lease'), node, 'PX', lease_ms)

local function is_lost()
    if last_id == 0 then
        return false
    end
    if meta('last_id') < last_id then
        return true
    end
    local entry = entry_at(last_id)
    return last_id > meta('pruned_to') and not (entry and entry[3] == time)
end

if redis.call('HEXISTS', key('meta'), 'epoch') == 0 or is_lost() then
    redis.call('HSET', key('meta'), 'epoch', fresh, 'last_id', number(math.max(meta('last_id'), last_id)))
end
local newest = redis.call('XREVRANGE', key('order'), '+', '-', 'COUNT', 1)[1]
local fence = redis.call('HINCRBY', key('node:' .. node), 'fence', 1)
local known = redis.call('HMGET', key('node:' .. node), 'batch', 'outcome')
return {
    redis.call('HGET', key('meta'), 'epoch'), meta('last_id'), meta('pruned_to'), fence,
    tonumber(known[1] or 0), known[2] or '', newest and from_stream(newest[1]) or 0, newest and field(newest[2], 't') or ''
}
