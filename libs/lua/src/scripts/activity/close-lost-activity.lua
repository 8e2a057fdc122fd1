--[[
purpose: close what is left of an activity before it is rebuilt (DESIGN invariant 9). A whole activity on this run of Redis is never closed: somebody
         has loaded it since the loss was seen.
keys:
  KEYS[1] coupon:activity:{id} hash
  KEYS[2] coupon:stock:{id} string
  KEYS[3] coupon:user:{id} hash
  KEYS[4] coupon:outbox:{id} stream
args:
  ARGV[1] run id of this server  ARGV[2] epoch the caller knows
returns: {1} closed | {-1} nothing is left | {-7, epoch} wrong epoch | {-14} whole and on this run
ttl: none
]]
local a = redis.call('HMGET', KEYS[1], 'epoch', 'run_id', 'claimed', 'state')
if not a[1] then
  return { -1 }
end
if a[1] ~= ARGV[2] then
  return { -7, a[1] }
end
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[4])
local whole = redis.call('EXISTS', KEYS[2]) == 1
  and (tonumber(a[3] or '1') == 0 or redis.call('EXISTS', KEYS[3]) == 1)
  and not groups.err
  and #groups > 0
if whole and a[2] == ARGV[1] and a[4] ~= 'closed' then
  return { -14 }
end
redis.call('HSET', KEYS[1], 'state', 'closed')
return { 1 }
