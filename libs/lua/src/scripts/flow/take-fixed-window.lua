--[[
purpose: take permits from a fixed window shared by every process: at most `limit` permits in each window of the clock.
keys:
  KEYS[1] coupon:flow:fixed:{name} hash
args:
  ARGV[1] limit per window (1..1000000)  ARGV[2] window ms (1..3600000)  ARGV[3] permits (1..1000000)
returns: {granted permits (0 = refused), now us, wait us} wait until the next window, 0 when granted, -1 when the limit can never hold them
  | {-4} invalid arguments
ttl: two windows and 10 s
]]
for i = 1, 3 do
  if not string.find(ARGV[i] or '', '^[1-9]%d*$') or #ARGV[i] > 7 then
    return { -4 }
  end
end
local limit, length, permits = tonumber(ARGV[1]), tonumber(ARGV[2]) * 1000, tonumber(ARGV[3])
if length > 3600000000 or limit > 1000000 or permits > 1000000 then
  return { -4 }
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local stored = redis.call('HMGET', KEYS[1], 'window', 'current', 'length')
local stored_length = tonumber(stored[3] or length)
local window = math.floor(now / stored_length)
local stored_window = tonumber(stored[1] or '-1')
local current = 0
if stored_window >= window then
  current = tonumber(stored[2])
  -- A clock that was set back by up to a window stays where it was; one that was set back further takes the counter with it.
  window = stored_window == window + 1 and stored_window or window
end
if stored_length ~= length then
  -- Another window length: what counted until now counts as taken in the new window.
  window = math.floor(now / length)
end
local granted, wait = 0, 0
if current + permits <= limit then
  granted = permits
  current = current + permits
elseif permits > limit then
  wait = -1
else
  wait = (window + 1) * length - now
end
if granted > 0 or stored_length ~= length then
  redis.call('HSET', KEYS[1], 'window', string.format('%.0f', window), 'current', current, 'length', string.format('%.0f', length))
  redis.call('PEXPIRE', KEYS[1], length / 500 + 10000)
end
return { granted, now, wait }
