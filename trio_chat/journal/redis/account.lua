-- Keep accounts. ARGV: `1` if accounts that are here stay as they are, digest of the invite or '',
--       then for each: id, folded name, record, memory or ''
-- -> {'spent'}, or {'ok', ids of those whose name belongs to another}
if ARGV[2] ~= '' and count_in('invite_uses', ARGV[2]) <= 0 then
    return {'spent'}
end
local taken = {'ok'}
for at = 3, #ARGV, 4 do
    local id, folded, record, memory = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
    local former = redis.call('HGET', key('accounts'), id)
    local owner = redis.call('HGET', key('names'), folded)
    local stays = former and ARGV[1] == '1'
    if not stays and owner and owner ~= id then
        taken[#taken + 1] = id
    elseif not stays then
        if former then
            local is_whole, account = pcall(cjson.decode, former)
            if is_whole and type(account) == 'table' and account.folded then
                redis.call('HDEL', key('names'), account.folded)
            end
        end
        redis.call('HSET', key('names'), folded, id)
        redis.call('HSET', key('accounts'), id, record)
        if memory ~= '' then
            redis.call('HSET', key('memories'), id, memory)
        end
        if ARGV[2] ~= '' then
            redis.call('HINCRBY', key('invite_uses'), ARGV[2], -1)
        end
    end
end
return taken
