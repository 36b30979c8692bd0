-- Tell other nodes something. ARGV: node, fence, then of each signal: kind, id, payload
-- Of the kind `c`, the id is that of a client and the payload tells of it, or is '' where it is gone; `r` forgets all.
local node = ARGV[1]
if not is_current(node, ARGV[2]) then
    return 'fenced'
end
local clients = key('clients:' .. node)
for at = 3, #ARGV, 3 do
    local kind, id, payload = ARGV[at], ARGV[at + 1], ARGV[at + 2]
    if kind == 'r' then
        redis.call('DEL', clients)
    elseif kind == 'c' and payload == '' then
        redis.call('HDEL', clients, id)
    elseif kind == 'c' then
        redis.call('HSET', clients, id, payload)
    end
    signal(node, kind, id, payload)
end
return 'ok'
