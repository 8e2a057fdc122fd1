--[[
purpose: queue one purchase for a later decision. The ticket, its place in the queue and the claim id it will be decided with are written in one
         step, so an answered ticket is never without an entry in the queue. Order: the same request again, receipt, guard, window, queue
         length, rate; limit and stock are decided when it is the ticket's turn.
keys:
  KEYS[1] coupon:activity:{id} hash
  KEYS[2] coupon:stock:{id} string
  KEYS[3] coupon:user:{id} hash
  KEYS[4] coupon:rate:{id}:0 hash
  KEYS[5] coupon:rate:{id}:1 hash
  KEYS[6] coupon:stats:{id} hash
  KEYS[7] coupon:queue:{id} stream, entry id = <number of the ticket>-0
  KEYS[8] coupon:tickets:{id} hash: t:<ticket> -> record, k:<user>:<key> -> ticket, u:<user> -> waiting ticket (per user limit 1 only),
    r:<claim id> -> ticket that was answered with this receipt
  KEYS[9] coupon:tickets:{id}:finished list of '<ms> <ticket>', oldest first
args:
  ARGV[1] run id of the server this connection reached (DESIGN invariant 9)
  ARGV[2] ticket  ARGV[3] user id  ARGV[4] claim id  ARGV[5] quantity (1..2^31-1)  ARGV[6] idempotency key or ''
  ARGV[7] longest wait ms  ARGV[8] most tickets waiting  ARGV[9] 1 = came with a verified purchase token, 0 = not
  ARGV[10] user rate per second that is in force instead of the activity's own, or ''  ARGV[11] most fields in KEYS[8]
returns:
  {1, ticket} queued | {2, ticket} the ticket this request, or at limit 1 this user, has already | {3, ticket} won at once: the user holds the receipt
  {-1} not loaded | {-2} half loaded | {-3} opened on another run of Redis | {-4} invalid arguments
  {-10} not started | {-11} ended | {-12} paused | {-13} closed | {-20} rate limited | {-22} sold out, and no room for the ticket | {-23} key used with another quantity
  {-24} the claim of this key was released | {-25} guarded activity, no purchase token | {-30} the queue is full
ttl: 10 s on the rate hashes; the record of a finished ticket is removed by decide-tickets
]]
local ticket = { number = '0', user = ARGV[3], claim_id = ARGV[4], quantity = ARGV[5], key = ARGV[6] }
if
  #ARGV ~= 11
  or ARGV[1] == ''
  or #ARGV[2] ~= 26
  or string.find(ARGV[2], '%W')
  or not string.find(ticket.user, '^[1-9]%d*$')
  or #ticket.claim_id ~= 26
  or string.find(ticket.claim_id, '%W')
  or not string.find(ticket.quantity, '^[1-9]%d*$')
  or tonumber(ticket.quantity) > 2147483647
  or #ticket.key > 64
  or not string.find(ARGV[7], '^%d+$')
  or not string.find(ARGV[8], '^[1-9]%d*$')
  or not string.find(ARGV[9], '^[01]$')
  or not string.find(ARGV[10], '^%d*$')
  or not string.find(ARGV[11], '^[1-9]%d*$')
then
  return { -4 }
end

--@include receipts
--@include tickets

-- Invariant 3: duplicate first, whatever state the activity is in.
if ticket.key ~= '' then
  local known = redis.call('HGET', KEYS[8], key_field(ticket.user, ticket.key))
  if known then
    local quantity = decode_ticket(redis.call('HGET', KEYS[8], 't:' .. known))
    return quantity == ticket.quantity and { 2, known } or { -23 }
  end
end

-- Invariant 9: fail closed.
local a = redis.call('HMGET', KEYS[1], 'state', 'start_ms', 'end_ms', 'per_user_limit', 'claimed', 'run_id', 'user_rate',
  'guard')
if not a[1] then
  return { -1 }
end
for i = 2, 7 do
  if not a[i] then
    return { -2 }
  end
end
if a[6] ~= ARGV[1] then
  return { -3 }
end
if redis.call('EXISTS', KEYS[2]) == 0 or (tonumber(a[5]) > 0 and redis.call('EXISTS', KEYS[3]) == 0) then
  return { -2 }
end
local limit, user_rate = tonumber(a[4]), tonumber(ARGV[10] ~= '' and ARGV[10] or a[7])
local time = redis.call('TIME')
local now_s = tonumber(time[1])
local now_ms = now_s * 1000 + math.floor(tonumber(time[2]) / 1000)

local function remember(status, detail, ms)
  redis.call('HSET', KEYS[8], 't:' .. ARGV[2], encode_ticket(ticket, status, detail, ms))
  if ticket.key ~= '' then
    redis.call('HSET', KEYS[8], key_field(ticket.user, ticket.key), ARGV[2])
  end
end

local receipt, conflict = replay_of(decode_receipts(redis.call('HGET', KEYS[3], ticket.user)), limit, ticket)
if receipt then
  -- One ticket for all who ask with this receipt, whatever their keys: nothing else bounds them here.
  local answered = redis.call('HGET', KEYS[8], 'r:' .. receipt.claim_id)
  if answered and redis.call('HEXISTS', KEYS[8], 't:' .. answered) == 1 then
    return { 3, answered }
  end
  redis.call('HSET', KEYS[8], 'r:' .. receipt.claim_id, ARGV[2])
  remember('W', receipt.claim_id .. ':' .. #receipt.slots, now_ms)
  redis.call('RPUSH', KEYS[9], string.format('%.0f', now_ms) .. ' ' .. ARGV[2])
  redis.call('HINCRBY', KEYS[6], 'claims_replayed', 1)
  return { 3, ARGV[2] }
end
-- One unit at most: a second ticket would only make the queue longer for the others.
local waiting = limit == 1 and redis.call('HGET', KEYS[8], 'u:' .. ticket.user)
if waiting then
  return { 2, waiting }
end

local function refuse(code, name)
  redis.call('HINCRBY', KEYS[6], 'refused:' .. name, 1)
  return { code }
end

if conflict then
  return refuse(conflict, 'CONFLICT')
end
if a[8] == '1' and ARGV[9] == '0' then
  return refuse(-25, 'PERMISSION_DENIED')
end
if a[1] == 'paused' then
  return refuse(-12, 'PAUSED')
elseif a[1] == 'ended' or now_ms >= tonumber(a[3]) then
  return refuse(-11, 'ENDED')
elseif now_ms < tonumber(a[2]) then
  return refuse(-10, 'NOT_STARTED')
elseif a[1] ~= 'open' then
  return refuse(-13, 'NOT_READY')
end

local last, length = 0, 0
local info = redis.pcall('XINFO', 'STREAM', KEYS[7])
if not info.err then
  for i = 1, #info, 2 do
    if info[i] == 'length' then
      length = info[i + 1]
    elseif info[i] == 'last-generated-id' then
      last = tonumber(string.match(info[i + 1], '^%d+'))
    end
  end
end
if length >= tonumber(ARGV[8]) then
  return refuse(-30, 'OVERLOADED')
end
-- Results are kept for a while, and a crowd at a sold out sale could fill the memory with them.
if redis.call('HLEN', KEYS[8]) >= tonumber(ARGV[11]) then
  if tonumber(redis.call('GET', KEYS[2])) < 1 then
    return refuse(-22, 'SOLD_OUT')
  end
  return refuse(-30, 'OVERLOADED')
end

-- The same sliding window as in claim-units, on the same counters: a request counts once, however it asks.
if user_rate > 0 then
  local rate_key = now_s % 2 == 0 and KEYS[4] or KEYS[5]
  local last_key = now_s % 2 == 0 and KEYS[5] or KEYS[4]
  local current = redis.call('HMGET', rate_key, 'second', ticket.user)
  local previous = redis.call('HMGET', last_key, 'second', ticket.user)
  local count = current[1] == time[1] and tonumber(current[2] or '0') or 0
  local before = previous[1] == string.format('%.0f', now_s - 1) and tonumber(previous[2] or '0') or 0
  if count + before * (1 - (now_ms % 1000) / 1000) >= user_rate then
    return refuse(-20, 'RATE_LIMITED')
  end
  if current[1] ~= time[1] then
    redis.call('UNLINK', rate_key)
  end
  redis.call('HSET', rate_key, 'second', time[1], ticket.user, count + 1)
  redis.call('EXPIRE', rate_key, 10)
end

ticket.number = string.format('%.0f', last + 1)
local expires_ms = now_ms + tonumber(ARGV[7])
redis.call('XADD', KEYS[7], ticket.number .. '-0', 'ticket', ARGV[2], 'user', ticket.user, 'claim', ticket.claim_id, 'quantity',
  ticket.quantity, 'key', ticket.key, 'expires', string.format('%.0f', expires_ms))
remember('Q', ticket.claim_id, expires_ms)
if limit == 1 then
  redis.call('HSET', KEYS[8], 'u:' .. ticket.user, ARGV[2])
end
return { 1, ARGV[2] }
