-- Keep a record of a table of which there are no more than some, on all nodes. ARGV: table, field, record, most
-- -> 'ok', or 'full' where the field is new and there are as many as may be
local name = key(ARGV[1])
if redis.call('HEXISTS', name, ARGV[2]) == 0 and redis.call('HLEN', name) >= tonumber(ARGV[4]) then
    return 'full'
end
redis.call('HSET', name, ARGV[2], ARGV[3])
return 'ok'
