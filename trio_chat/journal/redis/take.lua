-- Take over the session of a client from whatever node has it. ARGV: node, fence, session -> its record, or ''
local node, session = ARGV[1], ARGV[3]
if not is_current(node, ARGV[2]) then
    return ''
end
for _, other in ipairs(redis.call('SMEMBERS', key('nodes'))) do
    local record = other ~= node and redis.call('HGET', key('sessions:' .. other), session)
    if record then
        redis.call('HDEL', key('sessions:' .. other), session)
        redis.call('SADD', key('taken:' .. other), session)
        redis.call('SREM', key('taken:' .. node), session)
        redis.call('HSET', key('sessions:' .. node), session, record)
        signal(node, 't', other, session)
        return record
    end
end
return ''
