--[[
purpose: remove every key of an activity that is over and stored: the last look and the removal are one step, so nothing can come between. What
         it must find is checked again here: over, an outbox nobody has to relay any more, and no event beyond those MySQL is known to have.
keys:
  KEYS[1] coupon:activity:{id} hash
  KEYS[2] coupon:stock:{id} string
  KEYS[3] coupon:user:{id} hash
  KEYS[4] coupon:outbox:{id} stream
  KEYS[5] coupon:persisted:{id} bitmap
  KEYS[6] coupon:rate:{id}:0  KEYS[7] coupon:rate:{id}:1
  KEYS[8] coupon:log:{id} stream
  KEYS[9] coupon:stats:{id} hash
  KEYS[10] coupon:queue:{id} stream
  KEYS[11] coupon:tickets:{id} hash  KEYS[12] coupon:tickets:{id}:finished list
args:
  ARGV[1] last event seq; MySQL has it and all before it
returns: {1, keys removed} | {2} nothing was there | {-6, state} not over | {-15, length, pending} the outbox still holds entries
  | {-16, event seq} Redis is at another event | {-4} invalid arguments
ttl: none; this is what ends the life of the keys
]]
if not string.find(ARGV[1] or '', '^%d+$') then
  return { -4 }
end
local length, pending = redis.call('XLEN', KEYS[4]), 0
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[4])
if not groups.err then
  for _, fields in ipairs(groups) do
    for i = 1, #fields, 2 do
      if fields[i] == 'pending' then
        pending = pending + fields[i + 1]
      end
    end
  end
end
if length > 0 or pending > 0 then
  return { -15, length, pending }
end
local a = redis.call('HMGET', KEYS[1], 'state', 'end_ms', 'event_seq')
-- Without its hash nothing of the rest can be used any more.
if a[1] then
  local time = redis.call('TIME')
  local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  if a[1] ~= 'ended' and not (a[2] and now_ms >= tonumber(a[2])) then
    return { -6, a[1] }
  end
  if a[3] and a[3] ~= ARGV[1] then
    return { -16, a[3] }
  end
end
local removed = redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10],
  KEYS[11], KEYS[12])
if removed == 0 then
  return { 2 }
end
return { 1, removed }
