-- Keep an invite, or delete it where there is no record. ARGV: digest, record or '', uses
if ARGV[2] == '' then
    redis.call('HDEL', key('invites'), ARGV[1])
    redis.call('HDEL', key('invite_uses'), ARGV[1])
else
    redis.call('HSET', key('invites'), ARGV[1], ARGV[2])
    redis.call('HSET', key('invite_uses'), ARGV[1], ARGV[3])
end
return 'ok'
