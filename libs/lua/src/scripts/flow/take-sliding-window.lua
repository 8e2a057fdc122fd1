--[[
purpose: take permits from a sliding window shared by every process: windows follow the clock; granted in this window, plus what was granted in
         the last one weighted by how much of it still lies in the sliding window (rounded down), never exceeds the limit. The same rule as
         the per-user rate of claim-units.lua.
keys:
  KEYS[1] coupon:flow:sliding:{name} hash
args:
  ARGV[1] limit per window (1..1000000)  ARGV[2] window ms (1..3600000)  ARGV[3] permits (1..1000000)
returns: {granted permits (0 = refused), now us, wait us} wait until they could be had if nobody else takes any, 0 when granted,
  -1 when the limit can never hold them | {-4} invalid arguments
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
local stored = redis.call('HMGET', KEYS[1], 'window', 'current', 'previous', 'length')
local stored_length = tonumber(stored[4] or length)

-- The counters as they stand now, under the length they were counted with. A clock that was set back by up to a window stays where it was; one
-- that was set back further takes the counters with it, or everybody would be refused until it is where it was.
local window = math.floor(now / stored_length)
local stored_window = tonumber(stored[1] or '-1')
local current, previous = 0, 0
if stored_window == window + 1 then
  window = stored_window
end
if stored_window >= window then
  current, previous = tonumber(stored[2]), tonumber(stored[3])
elseif stored_window == window - 1 then
  previous = tonumber(stored[2])
end
local elapsed = math.max(0, now - window * stored_length)
if stored_length ~= length then
  -- Another window length: what counted until now counts as taken in the new window.
  current = current + math.floor(previous * (stored_length - elapsed) / stored_length)
  previous = 0
  window = math.floor(now / length)
  elapsed = now - window * length
end

local granted, wait = 0, 0
local room = limit - current - permits + 1
if previous * (length - elapsed) < room * length then
  granted = permits
  current = current + permits
elseif permits > limit then
  wait = -1
else
  -- The first whole microsecond of this window at which the weight is small enough, or else of the next one, where `current` is weighted.
  local from = room > 0 and length - math.ceil(room * length / previous) + 1 or length
  if from >= length then
    room = limit - permits + 1
    from = length
    if current >= room then
      from = length + length - math.ceil(room * length / current) + 1
    end
  end
  wait = window * length + from - now
end
if granted > 0 or stored_length ~= length then
  redis.call('HSET', KEYS[1], 'window', string.format('%.0f', window), 'current', current, 'previous', previous, 'length',
    string.format('%.0f', length))
  redis.call('PEXPIRE', KEYS[1], length / 500 + 10000)
end
return { granted, now, wait }
