--[[
purpose: take an activity out of the list of queues, unless somebody has put it there again since it was seen empty.
keys:
  KEYS[1] coupon:queues sorted set, activity id by the time of its last registration
args:
  ARGV[1] activity id  ARGV[2] ms: a registration after this one stays
returns: 1 removed, 0 not
ttl: none
]]
local at = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or '')
if not at or at > tonumber(ARGV[2]) then
  return 0
end
return redis.call('ZREM', KEYS[1], ARGV[1])
