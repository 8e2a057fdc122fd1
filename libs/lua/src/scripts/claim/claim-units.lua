--[[
purpose: decide up to 128 claims of one activity at once and record every accepted one together with its outbox event: the only place
         where stock is taken. Order per claim: replay, guard, window, rate, limit, stock. Everything is validated before the first write.
keys:
  KEYS[1] coupon:activity:{id} hash
  KEYS[2] coupon:stock:{id} string
  KEYS[3] coupon:user:{id} hash, user id -> receipts
  KEYS[4] coupon:rate:{id}:0 hash
  KEYS[5] coupon:rate:{id}:1 hash
  KEYS[6] coupon:outbox:{id} stream with group relay
  KEYS[7] coupon:log:{id} stream, trimmed
  KEYS[8] coupon:stats:{id} hash
args:
  ARGV[1] run id of the server this connection reached (DESIGN invariant 9)
  ARGV[2..] per claim four values: user id, claim id, quantity (1..2^31-1), idempotency key ('' = the claim id is the key)
  then up to two options: 'T' and per claim one character, '1' = came with a purchase token the gateway has verified, '0' = not;
    'R' and the user rate per second that is in force instead of the activity's own (0 = none)
returns:
  {-1} not loaded | {-2} half loaded | {-3} opened on another run of Redis | {-4} invalid arguments
  {0, available, stock version, now ms, entry...}: per claim, in order, either text 'R<claim id>:<quantity>', replay of an earlier win,
  or a number: 1 won now, -10 not started, -11 ended, -12 paused, -13 closed, -20 rate limited, -21 limit reached, -22 sold out,
    -23 key used with another quantity, -24 the claim of this key was released, -25 guarded activity, no purchase token
ttl: 10 s on the rate hashes; none on the rest: archive-activity removes it
]]
local MAX_QUANTITY = 2147483647
local LOG_LENGTH = 500

local function text(n)
  return string.format('%.0f', n)
end

-- Invariant 2: arguments first, the whole batch.
local n = math.floor((#ARGV - 1) / 4)
local last = 4 * n + 1
if n < 1 or #ARGV > last + 2 or ARGV[1] == '' then
  return { -4 }
end
local passes, user_rate
for i = last + 1, #ARGV do
  local option = ARGV[i]
  if not passes and #option == n + 1 and string.find(option, '^T[01]+$') then
    passes = option
  elseif not user_rate and string.find(option, '^R%d+$') then
    user_rate = tonumber(string.sub(option, 2))
  else
    return { -4 }
  end
end
for i = 2, last, 4 do
  local quantity = tonumber(ARGV[i + 2])
  if
    not string.find(ARGV[i], '^[1-9]%d*$')
    or #ARGV[i + 1] ~= 26
    or string.find(ARGV[i + 1], '%W')
    or not string.find(ARGV[i + 2], '^[1-9]%d*$')
    or quantity > MAX_QUANTITY
    or #ARGV[i + 3] > 64
  then
    return { -4 }
  end
end

-- Invariant 9: fail closed. What is missing is never read as zero or as unlimited.
local a = redis.call('HMGET', KEYS[1], 'state', 'start_ms', 'end_ms', 'per_user_limit', 'claimed', 'event_seq', 'epoch',
  'run_id', 'stock_version', 'user_rate', 'coupon_id', 'activity_id', 'guard')
if not a[1] then
  return { -1 }
end
for i = 2, 12 do
  if not a[i] then
    return { -2 }
  end
end
local state, epoch, template_id, activity_id = a[1], a[7], a[11], a[12]
local start_ms, end_ms, limit, claimed = tonumber(a[2]), tonumber(a[3]), tonumber(a[4]), tonumber(a[5])
-- Tickets, decided through this very code by decide-tickets, met the rate and the guard when they were queued.
local seq = tonumber(a[6])
user_rate = ARGV.queued and 0 or user_rate or tonumber(a[10])
-- Absent on activities that were loaded before there was such a thing.
local guarded = a[13] == '1' and not ARGV.queued
if a[8] ~= ARGV[1] then
  return { -3 }
end
local stock = redis.call('GET', KEYS[2])
local available = tonumber(stock or '')
if not available or (claimed > 0 and redis.call('EXISTS', KEYS[3]) == 0) then
  return { -2 }
end
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[6])
local has_relay = false
if not groups.err then
  for _, group in ipairs(groups) do
    if group[2] == 'relay' then
      has_relay = true
    end
  end
end
if not has_relay then
  return { -2 }
end

local time = redis.call('TIME')
local now_s = tonumber(time[1])
local now_ms = now_s * 1000 + math.floor(tonumber(time[2]) / 1000)

--@include receipts
--@include timestamp

-- One read for all users of the batch; later claims of the same user see the earlier ones through these tables.
local ids = {}
for i = 2, last, 4 do
  ids[#ids + 1] = ARGV[i]
end
local stored = redis.call('HMGET', KEYS[3], unpack(ids))
-- What is stored of each user, as text: decoded only for users who hold something already.
local receipts_of, dirty = {}, {}
for i = 1, n do
  receipts_of[ids[i]] = stored[i] or nil
end

-- Per-user rate: sliding window over the current and the last second (weight of the last = what of it still lies in the window). In
-- thousandths: whole numbers are exact.
local rate_key = now_s % 2 == 0 and KEYS[4] or KEYS[5]
local last_key = now_s % 2 == 0 and KEYS[5] or KEYS[4]
local last_weight = 1000 - now_ms % 1000
local rate_reset = false
local rate_now, rate_last = {}, {}
if user_rate > 0 then
  rate_reset = redis.call('HGET', rate_key, 'second') ~= time[1]
  if not rate_reset then
    for i, count in ipairs(redis.call('HMGET', rate_key, unpack(ids))) do
      rate_now[ids[i]] = tonumber(count or '0')
    end
  end
  if redis.call('HGET', last_key, 'second') == text(now_s - 1) then
    for i, count in ipairs(redis.call('HMGET', last_key, unpack(ids))) do
      rate_last[ids[i]] = tonumber(count or '0')
    end
  end
end

local window = 0
if state == 'paused' then
  window = -12
elseif state == 'ended' or now_ms >= end_ms then
  window = -11
elseif now_ms < start_ms then
  window = -10
elseif state ~= 'open' then
  window = -13
end

local reply = { 0, 0, tonumber(a[9]), now_ms }
local event_ids, event_seqs, event_bodies, log, counts = {}, {}, {}, {}, {}
local wins, taken, rate_dirty = 0, 0, {}
-- What is the same in every event of the batch.
local id_prefix = activity_id .. '-' .. epoch .. '-'
local body_middle = ',"activity_id":"' .. activity_id .. '","template_id":"' .. template_id .. '","user_id":"'
local body_end = '],"epoch":' .. epoch .. ',"claimed_at":"' .. rfc3339(now_ms) .. '"'

-- Invariant 3: duplicate first, whatever the stock, the window or the rate say. Returns the answer, or nil, the units held and their slots.
local function replay(receipts, claim_id, quantity, key)
  local active, used = 0, {}
  local first
  for _, r in ipairs(receipts) do
    if r.key == key or r.claim_id == claim_id then
      if r.state == 'X' then
        return -24
      end
      if #r.slots ~= quantity then
        return -23
      end
      return 'R' .. r.claim_id .. ':' .. #r.slots
    end
    if r.state ~= 'X' then
      active = active + #r.slots
      first = first or r
      for _, slot in ipairs(r.slots) do
        used[slot] = true
      end
    end
  end
  if limit == 1 and first then
    return 'R' .. first.claim_id .. ':' .. #first.slots
  end
  return nil, active, used
end

-- The lowest free slots, and the same as JSON. By far most claims are for one unit by somebody who holds none.
local function units_of(claim_id, quantity, used)
  if quantity == 1 and not used then
    return '1', '{"sn":"' .. claim_id .. '001","slot":1}'
  end
  local slots, units, slot = {}, {}, 0
  for i = 1, quantity do
    repeat
      slot = slot + 1
    until not (used and used[slot])
    slots[i] = slot
    units[i] = '{"sn":"' .. claim_id .. string.format('%03d', i) .. '","slot":' .. slot .. '}'
  end
  return table.concat(slots, ','), table.concat(units, ',')
end

local function decide(user, claim_id, quantity, key, passed)
  local held = receipts_of[user]
  local active, used = 0, nil
  if held then
    local answer
    answer, active, used = replay(decode_receipts(held), claim_id, quantity, key)
    if answer then
      return answer
    end
  end
  -- Before the window: without a token nothing is said about the sale. A receipt is given without one, for it may have expired since.
  if guarded and not passed then
    return -25
  end
  if window ~= 0 then
    return window
  end
  if user_rate > 0 then
    local now = rate_now[user] or 0
    if now * 1000 + (rate_last[user] or 0) * last_weight >= user_rate * 1000 then
      return -20
    end
    rate_now[user] = now + 1
    rate_dirty[user] = true
  end
  if active + quantity > limit then
    return -21
  end
  if available < quantity then
    return -22
  end
  available = available - quantity
  taken = taken + quantity
  seq = seq + 1
  wins = wins + 1
  if limit == 1 then
    -- Whatever a winner sends next is a replay, which no rate holds up.
    rate_dirty[user] = nil
  end
  local seq_text = text(seq)
  local slots, units = units_of(claim_id, quantity, used)
  local event_id = id_prefix .. seq_text
  local own_key, json_key = '', ''
  if key ~= claim_id then
    own_key = key
    json_key = ',"idempotency_key":' .. cjson.encode(key)
  end
  receipts_of[user] = (held or '1') .. 'R' .. claim_id .. ':' .. seq_text .. ':' .. slots .. ':' .. #own_key .. ':' .. own_key
  dirty[user] = true
  event_ids[wins] = event_id
  event_seqs[wins] = seq_text
  event_bodies[wins] = '{"schema_version":1,"event_id":"' .. event_id .. '","event_seq":' .. seq_text .. body_middle .. user
    .. '","claim_id":"' .. claim_id .. '","units":[' .. units .. body_end .. json_key .. '}'
  log[2 * wins - 1] = user
  log[2 * wins] = claim_id
  return 1
end

local NAMES = { [-10] = 'NOT_STARTED', [-11] = 'ENDED', [-12] = 'PAUSED', [-13] = 'NOT_READY', [-20] = 'RATE_LIMITED',
  [-21] = 'LIMIT_REACHED', [-22] = 'SOLD_OUT', [-23] = 'CONFLICT', [-24] = 'CONFLICT', [-25] = 'PERMISSION_DENIED' }
local accepted, replayed = 0, 0
for i = 1, n do
  local at = 4 * i - 2
  local key = ARGV[at + 3] == '' and ARGV[at + 1] or ARGV[at + 3]
  local result = decide(ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), key,
    guarded and passes and string.byte(passes, i + 1) == 49)
  reply[4 + i] = result
  if result == 1 then
    accepted = accepted + 1
  elseif type(result) == 'string' then
    replayed = replayed + 1
  else
    local counter = 'refused:' .. NAMES[result]
    counts[counter] = (counts[counter] or 0) + 1
  end
end
if accepted > 0 then
  counts.claims_accepted = accepted
end
if replayed > 0 then
  counts.claims_replayed = replayed
end
reply[2] = available

-- Only writes from here on. Nothing below can be refused for its arguments: they were checked above.
if taken > 0 then
  local fields = {}
  for user in pairs(dirty) do
    fields[#fields + 1] = user
    fields[#fields + 1] = receipts_of[user]
  end
  redis.call('DECRBY', KEYS[2], taken)
  redis.call('HSET', KEYS[3], unpack(fields))
  redis.call('HSET', KEYS[1], 'claimed', text(claimed + taken), 'event_seq', text(seq), 'last_event_ms', text(now_ms))
  -- Invariant 1: the event is appended by the step that takes the stock.
  for i = 1, wins do
    redis.call('XADD', KEYS[6], '*', 'type', 'flash_sale.succeeded.v1', 'id', event_ids[i], 'seq', event_seqs[i], 'body',
      event_bodies[i])
  end
  redis.call('XADD', KEYS[7], 'MAXLEN', '~', LOG_LENGTH, '*', unpack(log))
  redis.call('HINCRBY', KEYS[8], 'units_accepted', taken)
end
if next(rate_dirty) then
  if rate_reset then
    redis.call('UNLINK', rate_key)
  end
  local fields = { 'second', time[1] }
  for user in pairs(rate_dirty) do
    fields[#fields + 1] = user
    fields[#fields + 1] = rate_now[user]
  end
  redis.call('HSET', rate_key, unpack(fields))
  redis.call('EXPIRE', rate_key, 10)
end
for name, count in pairs(counts) do
  redis.call('HINCRBY', KEYS[8], name, count)
end
return reply
