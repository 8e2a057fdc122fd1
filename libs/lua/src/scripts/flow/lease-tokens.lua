--[[
purpose: lease permits of a token bucket to the processes that share it, so that none of them asks for each permit. What a holder has not used yet
         takes room in the bucket and is refilled only after it was used: all holders together never use more than `burst + rate * T`
         permits in any T seconds, however many there are. Counters are cumulative per holder, so a repeated or lost request changes nothing.
keys:
  KEYS[1] coupon:flow:lease:{name} hash; field h:<holder> is `granted:used:expires us:call`, the first two counted since the holder
          began
args:
  ARGV[1] rate per second (1..9999999)  ARGV[2] burst (1..9999999)  ARGV[3] holder (1..64 letters, digits, - or _)
  ARGV[4] permits it has used since it began  ARGV[5] unused permits it wants to hold from now on; fewer than it holds gives the rest back
  ARGV[6] hold ms (1..3600000): without another call the lease ends then, and counts as used
  ARGV[7] number of this call of the holder, rising: a call that arrives after a later one changes nothing of its lease
returns: {granted since the holder began, now us, wait us, holders} wait until one more permit could be leased if nobody takes any | {-4} invalid arguments
ttl: until the bucket is full again or the last lease has ended, and 10 s
]]
for i = 1, 7 do
  if i ~= 3 and not string.find(ARGV[i] or '', '^%d+$') then
    return { -4 }
  end
end
local rate, burst, used, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[4]), tonumber(ARGV[5])
local hold, call = tonumber(ARGV[6]), tonumber(ARGV[7])
if rate < 1 or rate > 9999999 or burst < 1 or burst > 9999999 or used > 9007199254740991 or want > 9999999 or hold < 1 or hold > 3600000
  or #ARGV[3] > 64 or not string.find(ARGV[3], '^[%w_-]+$') then
  return { -4 }
end
local UNITS = 1000000
local function text(n)
  return string.format('%.0f', n)
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local stored = redis.call('HGETALL', KEYS[1])
local own_field = 'h:' .. ARGV[3]
local deficit, at, stored_rate, last_end = 0, 0, rate, now
local own, others, holders, ended, lapsed = nil, 0, 1, {}, 0
for i = 1, #stored, 2 do
  local field, value = stored[i], stored[i + 1]
  if field == 'deficit' then
    deficit = tonumber(value)
  elseif field == 'at' then
    at = tonumber(value)
  elseif field == 'rate' then
    stored_rate = tonumber(value)
  else
    local g, u, e, c = string.match(value, '^(%d+):(%d+):(%d+):(%d+)$')
    local lease = { granted = tonumber(g), used = tonumber(u), expires = tonumber(e), call = tonumber(c) }
    if lease.expires <= now then
      lapsed = lapsed + lease.granted - lease.used
      ended[#ended + 1] = field
    elseif field == own_field then
      own = lease
    else
      others = others + lease.granted - lease.used
      holders = holders + 1
      last_end = math.max(last_end, lease.expires)
    end
  end
end
-- Refill first: what is counted as used from here on was used no earlier than now, as far as the bucket is concerned.
deficit = math.max(0, deficit - math.max(0, now - at) * stored_rate) + lapsed * UNITS

if own and call <= own.call then
  return { own.granted, now, 0, holders }
end
local remaining = 0
if own then
  used = math.max(used, own.used)
  deficit = deficit + (used - own.used) * UNITS
  remaining = math.max(0, own.granted - used)
end
local room = math.floor((burst * UNITS - deficit) / UNITS) - others - remaining
-- An equal share at most: the holders who ask first must not take the whole bucket.
local target = math.min(want, math.max(1, math.floor(burst / holders)))
if want < remaining then
  remaining = want
elseif target > remaining and room > 0 then
  remaining = remaining + math.min(target - remaining, room)
end

local wait = 0
local missing = deficit + (others + remaining + 1 - burst) * UNITS
if missing > 0 then
  wait = math.ceil(missing / rate)
end
if #ended > 0 then
  redis.call('HDEL', KEYS[1], unpack(ended))
end
if remaining > 0 then
  last_end = math.max(last_end, now + hold * 1000)
  redis.call('HSET', KEYS[1], own_field, text(used + remaining) .. ':' .. text(used) .. ':' .. text(now + hold * 1000) .. ':' .. ARGV[7])
else
  redis.call('HDEL', KEYS[1], own_field)
end
redis.call('HSET', KEYS[1], 'deficit', text(deficit), 'at', text(now), 'rate', ARGV[1])
redis.call('PEXPIRE', KEYS[1], math.ceil(math.max(deficit / rate, last_end - now) / 1000) + 10000)
return { used + remaining, now, wait, holders }
