-- Take over the session of a client from whatever node has it. ARGV: node, fence, session
-- -> {record, number of the newest signal, '1' if this node had it already}; {} where no node has it, {'fenced'} where
--    it may not
local node, session = ARGV[1], ARGV[3]
if not is_current(node, ARGV[2]) then
    return {'fenced'}
end
local own = redis.call('HGET', key('sessions:' .. node), session)
if own then
    return {own, meta('signals'), '1'}
end
for _, other in ipairs(redis.call('SMEMBERS', key('nodes'))) do
    local record = other ~= node and redis.call('HGET', key('sessions:' .. other), session)
    if record then
        redis.call('HDEL', key('sessions:' .. other), session)
        redis.call('SADD', key('taken:' .. other), session)
        redis.call('SREM', key('taken:' .. node), session)
        redis.call('HSET', key('sessions:' .. node), session, record)
        signal(node, 't', other, session)
        return {record, meta('signals'), ''}
    end
end
return {}
