-- Find entries by the digests of their session and key. ARGV: digests. -> for each, {id, room, time, payload} or {}
local found = {}
for at, digest in ipairs(ARGV) do
    local id = count_in(shard(digest), digest)
    found[at] = id > meta('pruned_to') and entry_at(id) or {}
end
return found
