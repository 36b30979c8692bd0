-- Keep a mute, in place of an earlier one of the same target with its number. ARGV: number, record, most
-- -> the number under which it is kept: another one where that of another node has this number; 0 where there are as
--    many as may be
local table_name, asked, record = key('mutes'), ARGV[1], ARGV[2]

-- The identity that a record mutes.
local function target_of(text)
    local is_read, mute = pcall(cjson.decode, text)
    if not is_read or type(mute) ~= 'table' then
        return nil
    end
    local words = {}
    for _, name in ipairs({'label', 'network', 'session', 'account'}) do
        words[#words + 1] = tostring(mute[name] or '')
    end
    return table.concat(words, '\n')
end

local former = redis.call('HGET', table_name, asked)
if former and target_of(former) == target_of(record) then
    redis.call('HSET', table_name, asked, record)
    return tonumber(asked)
end
if redis.call('HLEN', table_name) >= tonumber(ARGV[3]) then
    return 0
end
local given = tonumber(asked)
if former then
    for _, field in ipairs(redis.call('HKEYS', table_name)) do
        given = math.max(given, whole(field) or 0)
    end
    given = given + 1
    record = string.gsub(record, '"number":%d+', '"number":' .. number(given), 1)
end
redis.call('HSET', table_name, number(given), record)
return given
