-- Give the lease of a node back. ARGV: node
if redis.call('GET', key('lease')) == ARGV[1] then
    redis.call('DEL', key('lease'))
end
return 'ok'
