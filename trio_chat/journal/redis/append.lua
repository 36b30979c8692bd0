-- Keep one batch: all of it, or nothing.
-- ARGV: node, fence, epoch, number of the batch, holder of the node's name, its lease in ms, entries in the log at most,
--       number of session changes, for each: owner, record or '' for its end,
--       then for each draft: room, class, digest or '', payload, how many drafts its group has (in its first; else 0),
--       id of the entry that it removes or '', tombstone, id of the client that caused it or ''
-- -> {'ok', outcome}, where the outcome is `TIME ID,...` with, for each draft, its id, or that of what it repeats behind
--    a minus; or {'fenced'} or {'epoch'}
local node, batch = ARGV[1], ARGV[4]
if not is_current(node, ARGV[2]) then
    return {'fenced'}
end
if redis.call('HGET', key('meta'), 'epoch') ~= ARGV[3] then
    return {'epoch'}
end
local known = redis.call('HMGET', key('node:' .. node), 'batch', 'outcome')
if known[1] and (whole(known[1]) or 0) >= tonumber(batch) then
    return {'ok', known[2]}
end

local now = redis.call('TIME')
local time = now[1] .. string.format('%06d', tonumber(now[2]))
local next_id = meta('last_id') + 1
redis.call('SET', key('lease:' .. node), ARGV[5], 'PX', ARGV[6])
local sessions = tonumber(ARGV[8])
for at = 9, 7 + 2 * sessions, 2 do
    save_session(node, ARGV[at], ARGV[at + 1])
end

-- First, so that a script that fails in its middle, at a key replaced by hand, leaves no id that is given again.
local FIELDS = 8
local log = key('log')
redis.call('HSET', key('meta'), 'last_id', number(next_id - 1 + (#ARGV - 8 - 2 * sessions) / FIELDS))
local outcome = {}
local at = 9 + 2 * sessions
while at <= #ARGV do
    local size = tonumber(ARGV[at + 4])
    local is_repeat = false
    for draft = at, at + (size - 1) * FIELDS, FIELDS do
        local first = kept_under(ARGV[draft + 2])
        is_repeat = is_repeat or first ~= nil
        outcome[#outcome + 1] = first and '-' .. number(first) or '0'
    end
    for draft = at, at + (size - 1) * FIELDS, FIELDS do
        if not is_repeat then
            local room, class, payload = ARGV[draft], ARGV[draft + 1], ARGV[draft + 3]
            append(next_id, time, room, class, ARGV[draft + 2], payload)
            local target, tombstone = tonumber(ARGV[draft + 5]), ARGV[draft + 6]
            local is_removed, former = false, nil
            if target then
                is_removed, former = remove(target, room, tombstone)
            end
            local removal = '\n\n'
            if is_removed then -- where the time was written by hand, it may be anything
                removal = number(target) .. '\n' .. (string.match(former, '^%d+$') or '') .. '\n' .. tombstone
            end
            local row = table.concat({time, ARGV[draft + 7], payload, removal, room}, '\n')
            redis.call('XADD', log, 'MAXLEN', '~', ARGV[7], number(next_id) .. '-0', 'e', row)
            outcome[#outcome - size + 1 + (draft - at) / FIELDS] = number(next_id)
            next_id = next_id + 1
        end
    end
    at = at + size * FIELDS
end

local result = time .. ' ' .. table.concat(outcome, ',')
redis.call('HSET', key('meta'), 'last_id', number(next_id - 1))
redis.call('HSET', key('node:' .. node), 'batch', batch, 'outcome', result)
return {'ok', result}
