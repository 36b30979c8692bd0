-- Delete an account with its memory and its invites. ARGV: id
local former = redis.call('HGET', key('accounts'), ARGV[1])
local is_whole, account = pcall(cjson.decode, former or '')
if is_whole and type(account) == 'table' and account.folded and
    redis.call('HGET', key('names'), account.folded) == ARGV[1] then
    redis.call('HDEL', key('names'), account.folded)
end
redis.call('HDEL', key('accounts'), ARGV[1])
redis.call('HDEL', key('memories'), ARGV[1])
local invites = redis.call('HGETALL', key('invites'))
for at = 1, #invites, 2 do
    local is_read, invite = pcall(cjson.decode, invites[at + 1])
    if is_read and type(invite) == 'table' and invite.account == ARGV[1] then
        redis.call('HDEL', key('invites'), invites[at])
        redis.call('HDEL', key('invite_uses'), invites[at])
    end
end
return 'ok'
