-- Keep the entries of another journal that were staged in a list, all of them.
-- ARGV: name of the list, last id as it must be still, epoch to take over or '', pruned_to of that epoch,
--       meta field of what was loaded of that journal, its value, last id,
--       node, then for each entry here that is removed: id, room, tombstone
-- In the list, of each entry: id, time, room, class, digest or '', payload.
local FIELDS, SLICE = 6, 6000
local name = key(ARGV[1])
if meta('last_id') ~= tonumber(ARGV[2]) then
    redis.call('DEL', name)
    return 'changed'
end
for _, node in ipairs(redis.call('SMEMBERS', key('nodes'))) do
    if node ~= ARGV[8] and redis.call('EXISTS', key('lease:' .. node)) == 1 then
        redis.call('DEL', name)
        return 'shared ' .. node
    end
end
if ARGV[3] ~= '' then
    redis.call('HSET', key('meta'), 'epoch', ARGV[3], 'pruned_to', ARGV[4], 'mark_floor', ARGV[4])
end
local length = redis.call('LLEN', name)
for start = 0, length - 1, SLICE do
    local fields = redis.call('LRANGE', name, start, start + SLICE - 1)
    for at = 1, #fields, FIELDS do
        append(tonumber(fields[at]), fields[at + 1], fields[at + 2], fields[at + 3], fields[at + 4], fields[at + 5])
    end
end
redis.call('DEL', name)
for at = 9, #ARGV, 3 do
    remove(tonumber(ARGV[at]), ARGV[at + 1], ARGV[at + 2])
end
redis.call('HSET', key('meta'), ARGV[5], ARGV[6], 'last_id', ARGV[7])
return 'ok'
