-- Renew the lease of a node. ARGV: node, lease in ms, fence, epoch, holder of the name
-- -> {'ok', pruned_to, last_id}, or the reason why the node may not write
local node = ARGV[1]
local holder = redis.call('GET', key('lease:' .. node))
if holder and holder ~= ARGV[5] then
    return {'fenced'}
end
if redis.call('HGET', key('meta'), 'epoch') ~= ARGV[4] then
    return {'epoch'}
end
if redis.call('HGET', key('node:' .. node), 'fence') ~= ARGV[3] then
    return {'fenced'}
end
redis.call('SET', key('lease:' .. node), ARGV[5], 'PX', ARGV[2])
return {'ok', meta('pruned_to'), meta('last_id')}
