--[[
purpose: take a lock for a while, or learn how long somebody else still has it.
keys:
  KEYS[1] coupon:lock:{name} string: the holder's token
args:
  ARGV[1] token of the caller, never used before (8..64 letters, digits, '-', '_')  ARGV[2] ms to hold it (1..600000)
returns: {1, ms} held by this token for so long | {0, ms} held by another one for so long | {-4} invalid arguments
  A call that is repeated with the same token is answered like the first one and does not hold the lock any longer.
ttl: ARGV[2]
]]
if not string.find(ARGV[1] or '', '^[%w_-]+$') or #ARGV[1] < 8 or #ARGV[1] > 64 then
  return { -4 }
end
if not string.find(ARGV[2] or '', '^[1-9]%d*$') or #ARGV[2] > 6 or tonumber(ARGV[2]) > 600000 then
  return { -4 }
end
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return { 1, tonumber(ARGV[2]) }
end
local held = redis.call('GET', KEYS[1]) == ARGV[1] and 1 or 0
return { held, redis.call('PTTL', KEYS[1]) }
