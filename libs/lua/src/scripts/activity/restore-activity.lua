--[[
purpose: replace an activity whose state in Redis was lost by what MySQL knows, closed and under the next epoch (DESIGN invariant 9). The user
         hash has been prepared under a key of its own before; everything else is switched here in one step. An outbox that still holds
         entries is never thrown away.
keys:
  KEYS[1] coupon:activity:{id} hash
  KEYS[2] coupon:stock:{id} string
  KEYS[3] coupon:user:{id} hash
  KEYS[4] prepared user hash; absent when nobody has claimed yet
  KEYS[5] coupon:outbox:{id} stream
  KEYS[6] coupon:persisted:{id} bitmap
  KEYS[7] coupon:rate:{id}:0  KEYS[8] coupon:rate:{id}:1
  KEYS[9] coupon:stats:{id} hash
args:
  ARGV[1] run id  ARGV[2] activity id  ARGV[3] coupon (template) id  ARGV[4] start ms  ARGV[5] end ms  ARGV[6] per user limit
  ARGV[7] total  ARGV[8] new epoch  ARGV[9] user rate per second  ARGV[10] claimed units  ARGV[11] event seq to go on from
  ARGV[12] users in the prepared hash  ARGV[13] guard: 1 = claims need a purchase token, 0 = none
returns: {1} restored | {2} already at this epoch | {-6, length} the outbox still holds entries | {-7, epoch} a newer epoch is there
  | {-8} more claimed than the total | {-2} the prepared user hash is not complete
  | {-14} open, paused or ended on this very run: nothing to restore | {-4} invalid arguments
ttl: none
]]
for i = 2, 13 do
  if not string.find(ARGV[i] or '', '^%d+$') then
    return { -4 }
  end
end
local present = redis.call('HMGET', KEYS[1], 'epoch', 'run_id', 'state')
local epoch = tonumber(present[1] or '0')
if epoch == tonumber(ARGV[8]) and redis.call('EXISTS', KEYS[2]) == 1 then
  return { 2 }
end
if present[2] == ARGV[1] and present[3] ~= 'closed' then
  return { -14 }
end
if epoch >= tonumber(ARGV[8]) then
  return { -7, epoch }
end
local length = redis.call('XLEN', KEYS[5])
if length > 0 then
  return { -6, length }
end
local total, claimed = tonumber(ARGV[7]), tonumber(ARGV[10])
if claimed > total then
  return { -8 }
end
local users = redis.call('HLEN', KEYS[4])
local prepared = users > 0
if users ~= tonumber(ARGV[12]) or (claimed > 0 and not prepared) then
  return { -2 }
end
local time = redis.call('TIME')
local now_ms = string.format('%.0f', tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
local version = tonumber(redis.call('HGET', KEYS[1], 'stock_version') or '0')
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[5], KEYS[6], KEYS[7], KEYS[8])
if prepared then
  redis.call('RENAME', KEYS[4], KEYS[3])
  redis.call('PERSIST', KEYS[3])
end
redis.call('HSET', KEYS[9], 'units_persisted', '0')
redis.call('XGROUP', 'CREATE', KEYS[5], 'relay', '0', 'MKSTREAM')
redis.call('SET', KEYS[2], string.format('%.0f', total - claimed))
redis.call('HSET', KEYS[1], 'kind', 'coupon', 'activity_id', ARGV[2], 'coupon_id', ARGV[3], 'start_ms', ARGV[4], 'end_ms', ARGV[5],
  'per_user_limit', ARGV[6], 'total', ARGV[7], 'claimed', ARGV[10], 'epoch', ARGV[8], 'run_id', ARGV[1],
  'stock_version', string.format('%.0f', version + 1), 'event_seq', ARGV[11], 'last_event_ms', now_ms, 'state', 'closed',
  'user_rate', ARGV[9], 'guard', ARGV[13])
return { 1 }
