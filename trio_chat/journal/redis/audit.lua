-- Append to the audit log. ARGV: record
add_numbered('audit', {}, {'d', ARGV[1]})
return 'ok'
