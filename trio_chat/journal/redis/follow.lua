-- Read the log as far as replicas have it. ARGV: id, how many at most
-- -> {the id up to which they have everything, or 0; entries of the log above the first id and up to that one}
local newest = replicated_to()
if newest > meta('last_id') then
    return {0, {}}
end
return {newest, redis.call('XRANGE', key('log'), number(tonumber(ARGV[1]) + 1), number(newest), 'COUNT', ARGV[2])}
