-- Save session records of a node. ARGV: node, `1` if they take the place of all that it had, then owner and record of each
if ARGV[2] == '1' then
    redis.call('DEL', key('sessions:' .. ARGV[1]))
end
for at = 3, #ARGV, 2 do
    redis.call('HSET', key('sessions:' .. ARGV[1]), ARGV[at], ARGV[at + 1])
end
return 'ok'
