-- Find entries by their ids. ARGV: ids. -> for each, {id, room, time, payload} or {}
local found = {}
for at, id in ipairs(ARGV) do
    found[at] = entry_at(tonumber(id)) or {}
end
return found
