--[[
purpose: remember which events MySQL has committed and how many units that makes, so that the gateway can tell `persisted` without MySQL.
keys:
  KEYS[1] coupon:activity:{id} hash
  KEYS[2] coupon:persisted:{id} bitmap
  KEYS[3] coupon:stats:{id} hash
args:
  ARGV[1..] pairs: event sequence number, units (positive for a claim, negative for a release); at most 1000 pairs
returns: {-1} not loaded, nothing marked | {0, newly marked} | {-4} invalid arguments
ttl: none; an activity that is gone is not brought back by a late mark
]]
if #ARGV % 2 ~= 0 then
  return { -4 }
end
for i = 1, #ARGV do
  if not string.find(ARGV[i], '^%-?%d+$') then
    return { -4 }
  end
end
if redis.call('EXISTS', KEYS[1]) == 0 then
  return { -1 }
end
local marked, units = 0, 0
for i = 1, #ARGV, 2 do
  if redis.call('SETBIT', KEYS[2], ARGV[i], 1) == 0 then
    marked = marked + 1
    units = units + tonumber(ARGV[i + 1])
  end
end
if units ~= 0 then
  redis.call('HINCRBY', KEYS[3], 'units_persisted', units)
end
return { 0, marked }
