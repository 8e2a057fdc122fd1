--[[
purpose: take permits from a token bucket shared by every process: at most `burst + rate * T` permits in any T seconds. Kept as the deficit, what
         has been taken and not yet refilled, so that a change of the limit resets nothing (a leaky bucket used as a meter).
keys:
  KEYS[1] coupon:flow:bucket:{name} hash
args:
  ARGV[1] rate per second (1..9999999)  ARGV[2] burst (1..9999999)  ARGV[3] permits wanted (1..9999999)
  ARGV[4] the least of them that is of use (1..wanted): as many as there are, never fewer
returns: {granted permits (0 = refused), now us, wait us} wait until the least could be had if nobody else takes any, 0 when granted,
  -1 when the burst can never hold it | {-4} invalid arguments
ttl: until the bucket is full again, and 10 s
]]
for i = 1, 4 do
  if not string.find(ARGV[i] or '', '^[1-9]%d*$') or #ARGV[i] > 7 then
    return { -4 }
  end
end
local rate, burst, wanted, least = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if least > wanted then
  return { -4 }
end
-- A permit is a million units, and a rate of r refills r units per microsecond: whole numbers only, nothing is rounded.
local UNITS = 1000000
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local stored = redis.call('HMGET', KEYS[1], 'deficit', 'at', 'rate')
local deficit, stored_rate = tonumber(stored[1] or '0'), tonumber(stored[3] or ARGV[1])
-- Until somebody brings another rate the old one refills. A clock that was set back refills nothing.
deficit = math.max(0, deficit - math.max(0, now - tonumber(stored[2] or '0')) * stored_rate)

local room = math.floor((burst * UNITS - deficit) / UNITS)
local granted, wait = 0, 0
if room >= least then
  granted = math.min(wanted, room)
  deficit = deficit + granted * UNITS
elseif least > burst then
  wait = -1
else
  wait = math.ceil((deficit + least * UNITS - burst * UNITS) / rate)
end
-- A refusal writes nothing: it changes nothing.
if granted > 0 or stored_rate ~= rate then
  redis.call('HSET', KEYS[1], 'deficit', string.format('%.0f', deficit), 'at', string.format('%.0f', now), 'rate', ARGV[1])
  redis.call('PEXPIRE', KEYS[1], math.ceil(deficit / rate / 1000) + 10000)
end
return { granted, now, wait }
