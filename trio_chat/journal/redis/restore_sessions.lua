-- Save the session records of a node in place of all that it had. ARGV: node, then owner and record of each
redis.call('DEL', key('sessions:' .. ARGV[1]))
for at = 2, #ARGV, 2 do
    redis.call('HSET', key('sessions:' .. ARGV[1]), ARGV[at], ARGV[at + 1])
end
return 'ok'
