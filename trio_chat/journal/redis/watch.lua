-- Find the other nodes whose lease has ended. ARGV: node. -> pruned_to, then the names of those nodes
local found = {meta('pruned_to')}
for _, node in ipairs(redis.call('SMEMBERS', key('nodes'))) do
    if node ~= ARGV[1] and redis.call('EXISTS', key('lease:' .. node)) == 0 then
        found[#found + 1] = node
    end
end
return found
