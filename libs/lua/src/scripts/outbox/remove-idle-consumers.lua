--[[
purpose: drop the names of relays that are gone. Only names without a pending entry, checked and dropped in one step: deleting a consumer that
         holds entries would lose them from the group.
keys:
  KEYS[1] coupon:outbox:{id} stream
args:
  ARGV[1] idle ms from which a consumer counts as gone
returns: the removed names; empty when there is no stream or no group
ttl: none
]]
local removed = {}
local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], 'relay')
if consumers.err then
  return removed
end
for _, fields in ipairs(consumers) do
  local c = {}
  for i = 1, #fields, 2 do
    c[fields[i]] = fields[i + 1]
  end
  if c.pending == 0 and c.idle >= tonumber(ARGV[1]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], 'relay', c.name)
    removed[#removed + 1] = c.name
  end
end
return removed
