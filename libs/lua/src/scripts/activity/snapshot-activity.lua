--[[
purpose: one consistent reading of an activity: definition, counters and how much of it MySQL has (DESIGN invariant 8).
keys:
  KEYS[1] coupon:activity:{id} hash
  KEYS[2] coupon:stock:{id} string
  KEYS[3] coupon:persisted:{id} bitmap
  KEYS[4] coupon:user:{id} hash
  KEYS[5] coupon:outbox:{id} stream
  KEYS[6] coupon:stats:{id} hash
args: none
returns: {-1} not loaded | {0 or -2 (half loaded), available or -1, persisted events, persisted units, now ms, field, value, ... of the activity hash}
ttl: none
]]
local fields = redis.call('HGETALL', KEYS[1])
if #fields == 0 then
  return { -1 }
end
local claimed = 0
for i = 1, #fields, 2 do
  if fields[i] == 'claimed' then
    claimed = tonumber(fields[i + 1])
  end
end
local available = tonumber(redis.call('GET', KEYS[2]) or '')
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[5])
local whole = available and not groups.err and #groups > 0 and (claimed == 0 or redis.call('EXISTS', KEYS[4]) == 1)
local time = redis.call('TIME')
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local reply = { whole and 0 or -2, available or -1, redis.call('BITCOUNT', KEYS[3]),
  tonumber(redis.call('HGET', KEYS[6], 'units_persisted') or '0'), now_ms }
for i = 1, #fields do
  reply[#reply + 1] = fields[i]
end
return reply
