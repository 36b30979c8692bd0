-- Give up a nick that was claimed and is not used. ARGV: owner, folded nick
local owner, nick = ARGV[1], ARGV[2]
local holder = redis.call('HGET', key('nicks'), nick)
local present, former = string.match(redis.call('HGET', key('nick_of'), owner) or '', '^(%S+) ?(%S*)$')
if present == nick and holder and string.match(holder, ' (%S+)$') == owner then
    redis.call('HDEL', key('nicks'), nick)
    if former ~= '' then
        redis.call('HSET', key('nick_of'), owner, former)
    else
        redis.call('HDEL', key('nick_of'), owner)
    end
end
return 'ok'
