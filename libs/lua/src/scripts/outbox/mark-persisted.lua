--[[
purpose: remember which event sequence numbers MySQL has committed, so that the gateway can tell `persisted` without MySQL.
keys:
  KEYS[1] coupon:activity:{id} hash
  KEYS[2] coupon:persisted:{id} bitmap
args:
  ARGV[1..] event sequence numbers (at most 2000)
returns: {-1} not loaded, nothing marked | {0, newly marked}
ttl: none; an activity that was archived is not brought back by a late mark
]]
if redis.call('EXISTS', KEYS[1]) == 0 then
  return { -1 }
end
local marked = 0
for i = 1, #ARGV do
  marked = marked + 1 - redis.call('SETBIT', KEYS[2], ARGV[i], 1)
end
return { 0, marked }
