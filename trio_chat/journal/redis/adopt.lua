-- Take over some clients of a node whose lease has ended. ARGV: node, fence, the other node, records at most, and bytes of
--       those at most, though one in any case
-- -> {'ok', '1' if there are more, number of the newest signal, session records...}, or the reason why not. The other node cannot write from now on.
local node, other = ARGV[1], ARGV[3]
if not is_current(node, ARGV[2]) then
    return {'fenced'}
end
if redis.call('EXISTS', key('lease:' .. other)) == 1 or redis.call('SISMEMBER', key('nodes'), other) == 0 then
    return {'alive'}
end
redis.call('HINCRBY', key('node:' .. other), 'fence', 1)
redis.call('HSET', key('node:' .. other), 'adopted', 1)
local found = redis.call('HRANDFIELD', key('sessions:' .. other), ARGV[4], 'WITHVALUES')
local answer, size = {'ok', '1', meta('signals')}, 0
for at = 1, #found, 2 do
    size = size + #found[at + 1]
    if at > 1 and size > tonumber(ARGV[5]) then
        break
    end
    redis.call('HDEL', key('sessions:' .. other), found[at])
    redis.call('SREM', key('taken:' .. node), found[at])
    redis.call('HSETNX', key('sessions:' .. node), found[at], found[at + 1])
    answer[#answer + 1] = found[at + 1]
end
if redis.call('EXISTS', key('sessions:' .. other)) == 0 then
    redis.call('SREM', key('nodes'), other)
    redis.call('DEL', key('clients:' .. other), key('taken:' .. other))
    answer[2] = '0'
end
return answer
