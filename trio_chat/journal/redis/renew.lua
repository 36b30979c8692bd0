-- Renew the lease of a node. ARGV: node, lease in ms, fence, epoch. -> 'ok', or the reason why the node may not write
local node = ARGV[1]
local holder = redis.call('GET', key('lease'))
if holder and holder ~= node then
    return 'fenced'
end
if redis.call('HGET', key('meta'), 'epoch') ~= ARGV[4] then
    return 'epoch'
end
if redis.call('HGET', key('node:' .. node), 'fence') ~= ARGV[3] then
    return 'fenced'
end
redis.call('SET', key('lease'), node, 'PX', ARGV[2])
return 'ok'
