-- Claim a nick for the owner of a session record. ARGV: node, fence, owner, folded nick -> 'ok', 'taken' or 'fenced'
local node, owner, nick = ARGV[1], ARGV[3], ARGV[4]
if not is_current(node, ARGV[2]) then
    return 'fenced'
end

-- A claim ends with the node that made it, unless the session goes on.
local function is_valid(holder)
    local its_node, its_owner = string.match(holder, '^(%S+) (%S+)$')
    if not its_node or its_owner == owner then
        return false
    end
    if redis.call('EXISTS', key('lease:' .. its_node)) == 1 then
        return true
    end
    for _, other in ipairs(redis.call('SMEMBERS', key('nodes'))) do
        if redis.call('HEXISTS', key('sessions:' .. other), its_owner) == 1 then
            return true
        end
    end
    return false
end

local holder = redis.call('HGET', key('nicks'), nick)
if holder and is_valid(holder) then
    return 'taken'
end
local former = string.match(redis.call('HGET', key('nick_of'), owner) or '', '^%S+')
redis.call('HSET', key('nicks'), nick, node .. ' ' .. owner)
redis.call('HSET', key('nick_of'), owner, former and former ~= nick and nick .. ' ' .. former or nick)
return 'ok'
