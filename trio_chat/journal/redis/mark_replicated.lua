-- Let all nodes read on: replicas have everything up to an id. ARGV: node, fence, epoch, number of its last batch, id
-- -> 'ok', or 'fenced' if this Redis does not have what the node has written: another has become the primary
local id, last_id = tonumber(ARGV[5]), meta('last_id')
local batch = count_in('node:' .. ARGV[1], 'batch')
if not is_current(ARGV[1], ARGV[2]) or redis.call('HGET', key('meta'), 'epoch') ~= ARGV[3] or batch ~= tonumber(ARGV[4]) or
    id > last_id then
    return 'fenced'
end
local newest = replicated_to()
if newest > last_id then -- written by hand, or Redis lost entries
    redis.call('DEL', key('replicated'))
    newest = 0
end
if id > newest then
    redis.call('XADD', key('replicated'), 'MAXLEN', 1, number(id) .. '-0', 'n', ARGV[1])
end
return 'ok'
