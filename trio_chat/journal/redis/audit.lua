-- Append to the audit log. ARGV: record
redis.call('XADD', key('audit'), number(redis.call('HINCRBY', key('meta'), 'audit', 1)) .. '-0', 'd', ARGV[1])
return 'ok'
