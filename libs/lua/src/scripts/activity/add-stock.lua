--[[
purpose: add units to a loaded activity, once per operation id (MySQL has already counted them).
keys:
  KEYS[1] coupon:activity:{id} hash
  KEYS[2] coupon:stock:{id} string
args:
  ARGV[1] epoch the caller knows  ARGV[2] operation id  ARGV[3] units to add
returns: {1, total, available} added | {2, total, available} this operation was applied before | {-1} not loaded | {-2} half loaded
  | {-7, epoch} wrong epoch | {-4} invalid arguments
ttl: none; the operation ids live in the activity hash, as fields op:<operation id>
]]
if not string.find(ARGV[3] or '', '^[1-9]%d*$') or (ARGV[2] or '') == '' then
  return { -4 }
end
local a = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'total', 'op:' .. ARGV[2])
if not a[1] then
  return { -1 }
end
local stock = redis.call('GET', KEYS[2])
if not stock or not a[3] then
  return { -2 }
end
if a[4] then
  return { 2, tonumber(a[3]), tonumber(stock) }
end
if a[2] ~= ARGV[1] then
  return { -7, a[2] }
end
redis.call('HSET', KEYS[1], 'op:' .. ARGV[2], ARGV[3])
local total = redis.call('HINCRBY', KEYS[1], 'total', ARGV[3])
redis.call('HINCRBY', KEYS[1], 'stock_version', 1)
return { 1, total, redis.call('INCRBY', KEYS[2], ARGV[3]) }
