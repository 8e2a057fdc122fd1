--[[
purpose: give an activity that is whole and in use on this run the epoch MySQL has moved to (DESIGN invariant 9): a restore was begun, and
         then there was nothing to restore. Only while Redis knows at least as much as MySQL; what is closed is left to the restore.
keys:
  KEYS[1] coupon:activity:{id} hash
  KEYS[2] coupon:stock:{id} string
  KEYS[3] coupon:user:{id} hash
  KEYS[4] coupon:outbox:{id} stream
args:
  ARGV[1] run id of this server  ARGV[2] epoch in MySQL  ARGV[3] last event seq MySQL knows
returns: {1} moved | {2} at that epoch already | {-1} not loaded | {-2} half loaded | {-3} opened on another run | {-6, state} closed
  | {-7, epoch} a newer epoch is there | {-16, event seq} behind MySQL | {-4} invalid arguments
ttl: none
]]
for i = 2, 3 do
  if not string.find(ARGV[i] or '', '^%d+$') then
    return { -4 }
  end
end
local a = redis.call('HMGET', KEYS[1], 'epoch', 'run_id', 'state', 'claimed', 'total', 'event_seq')
if not a[1] then
  return { -1 }
end
if a[2] ~= ARGV[1] then
  return { -3 }
end
if a[3] == 'closed' then
  return { -6, a[3] }
end
if tonumber(a[1]) > tonumber(ARGV[2]) then
  return { -7, a[1] }
end
local available = tonumber(redis.call('GET', KEYS[2]) or '')
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[4])
local claimed, total = tonumber(a[4] or ''), tonumber(a[5] or '')
if not available or not claimed or not total or not a[6] or available + claimed ~= total or groups.err or #groups == 0
  or (claimed > 0 and redis.call('EXISTS', KEYS[3]) == 0) then
  return { -2 }
end
if tonumber(a[6]) < tonumber(ARGV[3]) then
  return { -16, a[6] }
end
if a[1] == ARGV[2] then
  return { 2 }
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[2])
return { 1 }
