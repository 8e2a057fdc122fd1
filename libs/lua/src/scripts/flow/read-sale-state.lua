--[[
purpose: whether an activity sells at this moment, for refusing without a claim. Reads only: nothing to sync, nothing to count. The event number
         tells whether anybody has won or given back since an earlier reading.
keys:
  KEYS[1] coupon:activity:{id} hash
  KEYS[2] coupon:stock:{id} string
  KEYS[3] coupon:user:{id} hash
args:
  ARGV[1] run id of the server this connection reached
returns: {0, window, available, event seq, stock version, epoch, per user limit, guard} window: 0 open, -10 not started, -11 ended, -12 paused, -13 closed
  | {-1} not loaded | {-2} half loaded | {-3} opened on another run of Redis
ttl: none
]]
local a = redis.call('HMGET', KEYS[1], 'state', 'start_ms', 'end_ms', 'event_seq', 'stock_version', 'epoch', 'per_user_limit', 'run_id', 'claimed',
  'guard')
if not a[1] then
  return { -1 }
end
for i = 2, 9 do
  if not a[i] then
    return { -2 }
  end
end
local available = tonumber(redis.call('GET', KEYS[2]) or '')
if not available or (tonumber(a[9]) > 0 and redis.call('EXISTS', KEYS[3]) == 0) then
  return { -2 }
end
if a[8] ~= ARGV[1] then
  return { -3 }
end
local time = redis.call('TIME')
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local window = 0
if a[1] == 'paused' then
  window = -12
elseif a[1] == 'ended' or now_ms >= tonumber(a[3]) then
  window = -11
elseif now_ms < tonumber(a[2]) then
  window = -10
elseif a[1] ~= 'open' then
  window = -13
end
return { 0, window, available, tonumber(a[4]), tonumber(a[5]), tonumber(a[6]), tonumber(a[7]), tonumber(a[10] or '0') }
