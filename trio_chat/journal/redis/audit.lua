-- Append to the audit log. ARGV: record, node. A record that the node has appended last is appended no second time: the
-- answer to that was lost, or replicas were too few.
local node = key('node:' .. ARGV[2])
if redis.call('HGET', node, 'audit') ~= ARGV[1] then
    add_numbered('audit', {}, {'d', ARGV[1]})
    redis.call('HSET', node, 'audit', ARGV[1])
end
return 'ok'
