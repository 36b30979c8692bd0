-- Give the lease of a node back. ARGV: node, holder of the name
if redis.call('GET', key('lease:' .. ARGV[1])) == ARGV[2] then
    redis.call('DEL', key('lease:' .. ARGV[1]))
end
return 'ok'
