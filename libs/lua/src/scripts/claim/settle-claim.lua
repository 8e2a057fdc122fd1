--[[
purpose: the end of a claim's state machine: RESERVED -> CONFIRMED | RELEASED, by claim id, once (DESIGN invariant 7). A release gives the
         units back together with its event; one that comes before its claim leaves a tombstone, so that the claim is refused later.
keys:
  KEYS[1] coupon:activity:{id} hash
  KEYS[2] coupon:stock:{id} string
  KEYS[3] coupon:user:{id} hash
  KEYS[4] coupon:outbox:{id} stream
  KEYS[5] coupon:stats:{id} hash
args:
  ARGV[1] epoch the caller knows  ARGV[2] release | confirm  ARGV[3] user id  ARGV[4] claim id  ARGV[5] reason (release)
  ARGV[6] run id of the server (DESIGN invariant 9)
returns: {1, event seq} done (0 for a confirm) | {2} already so | {3} tombstone written | {-1} not loaded | {-2} half loaded | {-3} opened on another run of Redis
  | {-6, C|X} already in the other final state | {-7, epoch} wrong epoch | {-8} would exceed the total | {-9} no such claim (confirm)
  | {-4} invalid arguments
ttl: none
]]
local op, user, claim_id, reason, run_id = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
if (op ~= 'release' and op ~= 'confirm') or not string.find(user or '', '^[1-9]%d*$') or #(claim_id or '') ~= 26
  or string.find(claim_id, '%W') or not reason or (run_id or '') == '' then
  return { -4 }
end
local a = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'total', 'claimed', 'event_seq', 'coupon_id', 'activity_id', 'run_id')
if not a[1] then
  return { -1 }
end
local available = tonumber(redis.call('GET', KEYS[2]) or '')
if not (available and a[2] and a[3] and a[4] and a[5] and a[6] and a[7] and a[8]) then
  return { -2 }
end
if a[2] ~= ARGV[1] then
  return { -7, a[2] }
end
-- What this run does not know may only be lost: a tombstone for it would be believed, and the claim come back with the rebuild.
if a[8] ~= run_id then
  return { -3 }
end
-- And a tombstone must not be what makes a lost hash of receipts look whole.
if tonumber(a[4]) > 0 and redis.call('EXISTS', KEYS[3]) == 0 then
  return { -2 }
end

--@include receipts
--@include timestamp

local receipts = decode_receipts(redis.call('HGET', KEYS[3], user))
local found
for _, r in ipairs(receipts) do
  if r.claim_id == claim_id then
    found = r
  end
end
if not found then
  if op == 'confirm' then
    return { -9 }
  end
  receipts[#receipts + 1] = { state = 'X', claim_id = claim_id, seq = 0, slots = {}, key = claim_id }
  redis.call('HSET', KEYS[3], user, encode_receipts(receipts))
  return { 3 }
end
local target = op == 'release' and 'X' or 'C'
if found.state == target then
  return { 2 }
end
if found.state ~= 'R' then
  return { -6, found.state }
end
if op == 'confirm' then
  found.state = 'C'
  redis.call('HSET', KEYS[3], user, encode_receipts(receipts))
  return { 1, 0 }
end

-- Without its group the event would wait in the stream for ever.
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[4])
if groups.err or #groups == 0 then
  return { -2 }
end
local units = #found.slots
local claimed = tonumber(a[4])
if available + units > tonumber(a[3]) or claimed < units then
  return { -8 }
end
local time = redis.call('TIME')
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local seq = string.format('%.0f', tonumber(a[5]) + 1)
local list = {}
for i, slot in ipairs(found.slots) do
  list[i] = '{"sn":"' .. claim_id .. string.format('%03d', i) .. '","slot":' .. slot .. '}'
end
local event_id = a[7] .. '-' .. a[2] .. '-' .. seq
local body = '{"schema_version":1,"event_id":"' .. event_id .. '","event_seq":' .. seq .. ',"activity_id":"' .. a[7]
  .. '","template_id":"' .. a[6] .. '","user_id":"' .. user .. '","claim_id":"' .. claim_id .. '","units":['
  .. table.concat(list, ',') .. '],"epoch":' .. a[2] .. ',"reason":' .. cjson.encode(reason) .. ',"released_at":"'
  .. rfc3339(now_ms) .. '"}'
found.state = 'X'
redis.call('HSET', KEYS[3], user, encode_receipts(receipts))
redis.call('INCRBY', KEYS[2], units)
redis.call('HSET', KEYS[1], 'claimed', string.format('%.0f', claimed - units), 'event_seq', seq, 'last_event_ms',
  string.format('%.0f', now_ms))
redis.call('HINCRBY', KEYS[1], 'stock_version', 1)
redis.call('XADD', KEYS[4], '*', 'type', 'flash_sale.released.v1', 'id', event_id, 'seq', seq, 'body', body)
redis.call('HINCRBY', KEYS[5], 'units_released', units)
return { 1, tonumber(seq) }
