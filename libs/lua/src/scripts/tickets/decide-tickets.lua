--[[
purpose: decide the tickets at the head of an activity's queue, in order, each by the claim script itself, and write every result in the same
         step: a ticket is waiting or finished, never in between, whoever calls this and whoever dies meanwhile. Then forget old results.
         A paused, closed or not yet started activity lets its tickets wait; a ticket past its time expires unless its user holds the receipt.
keys:
  KEYS[1] coupon:activity:{id} hash
  KEYS[2] coupon:stock:{id} string
  KEYS[3] coupon:user:{id} hash
  KEYS[4] coupon:rate:{id}:0 hash
  KEYS[5] coupon:rate:{id}:1 hash
  KEYS[6] coupon:outbox:{id} stream
  KEYS[7] coupon:log:{id} stream
  KEYS[8] coupon:stats:{id} hash; the first eight are the keys of claim-units
  KEYS[9] coupon:queue:{id} stream
  KEYS[10] coupon:tickets:{id} hash
  KEYS[11] coupon:tickets:{id}:finished list
args:
  ARGV[1] run id of the server this connection reached  ARGV[2] tickets to look at (1..128)  ARGV[3] how long a result is kept, ms
  ARGV[4] results to forget at most (1..1000)
returns: {state, waiting, records, forgotten, won, lost, expired}; state 0 decided, or why tickets had to wait:
  -1 not loaded, -2 half loaded, -3 opened on another run of Redis, -10 not started, -12 paused, -13 closed | {-4} invalid arguments
ttl: results are forgotten ARGV[3] after their end
]]
local count, keep_ms, most_forgotten = tonumber(ARGV[2] or ''), tonumber(ARGV[3] or ''), tonumber(ARGV[4] or '')
if
  #ARGV ~= 4
  or ARGV[1] == ''
  or not (count and keep_ms and most_forgotten)
  or count < 1
  or count > 128
  or keep_ms < 0
  or most_forgotten < 1
  or most_forgotten > 1000
then
  return { -4 }
end

-- While nobody has verified what users hold, an overdue ticket waits this much longer: its receipt may be on its way back (DESIGN invariant 9).
local UNVERIFIED_GRACE_MS = 600000

--@include receipts
--@include tickets
--@function claim_units = claim/claim-units

local time = redis.call('TIME')
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local a = redis.call('HMGET', KEYS[1], 'state', 'start_ms', 'end_ms', 'per_user_limit', 'claimed', 'run_id')
local state, verified = 0, false
if not a[1] then
  state = -1
elseif not (a[2] and a[3] and a[4] and a[5] and a[6]) then
  state = -2
elseif a[6] ~= ARGV[1] then
  state = -3
elseif redis.call('EXISTS', KEYS[2]) == 0 or (tonumber(a[5]) > 0 and redis.call('EXISTS', KEYS[3]) == 0) then
  state = -2
else
  verified = true
  local ended = a[1] == 'ended' or now_ms >= tonumber(a[3])
  if a[1] == 'paused' then
    state = -12
  elseif not ended and now_ms < tonumber(a[2]) then
    state = -10
  elseif not ended and a[1] ~= 'open' then
    state = -13
  end
end
local limit = tonumber(a[4] or '')

-- outcomes[i] = { status, detail } of tickets[i]; nothing for one that goes on waiting.
local tickets, outcomes, due, claims = {}, {}, {}, { ARGV[1] }
for i, entry in ipairs(redis.call('XRANGE', KEYS[9], '-', '+', 'COUNT', ARGV[2])) do
  local f = {}
  for j = 1, #entry[2], 2 do
    f[entry[2][j]] = entry[2][j + 1]
  end
  local ticket = { entry_id = entry[1], number = string.match(entry[1], '^%d+'), id = f.ticket, user = f.user, claim_id = f.claim,
    quantity = f.quantity, key = f.key }
  tickets[i] = ticket
  local overdue = now_ms >= tonumber(f.expires)
  if not verified then
    if now_ms >= tonumber(f.expires) + UNVERIFIED_GRACE_MS then
      outcomes[i] = { 'E', '0' }
    end
  elseif overdue or state ~= 0 then
    local receipt, conflict = replay_of(decode_receipts(redis.call('HGET', KEYS[3], ticket.user)), limit, ticket)
    if receipt then
      outcomes[i] = { 'W', receipt.claim_id .. ':' .. #receipt.slots }
    elseif conflict then
      outcomes[i] = { 'L', tostring(conflict) }
    elseif overdue then
      outcomes[i] = { 'E', '0' }
    end
  else
    due[#due + 1] = i
    for _, value in ipairs({ ticket.user, ticket.claim_id, ticket.quantity, ticket.key }) do
      claims[#claims + 1] = value
    end
  end
end

if #due > 0 then
  -- They met the rate and the guard when they were queued.
  claims.queued = true
  local reply = claim_units(KEYS, claims)
  if reply[1] ~= 0 then
    state = reply[1]
  else
    for at, i in ipairs(due) do
      local result = reply[4 + at]
      if result == 1 then
        outcomes[i] = { 'W', tickets[i].claim_id .. ':' .. tickets[i].quantity }
      elseif type(result) == 'string' then
        outcomes[i] = { 'W', string.sub(result, 2) }
      elseif result ~= -10 and result ~= -12 and result ~= -13 then
        outcomes[i] = { 'L', tostring(result) }
      end
    end
  end
end

local counts = { W = 0, L = 0, E = 0 }
local records, entry_ids, finished, waiting_fields = {}, {}, {}, {}
local now_text = string.format('%.0f', now_ms)
for i, ticket in ipairs(tickets) do
  local outcome = outcomes[i]
  if outcome then
    counts[outcome[1]] = counts[outcome[1]] + 1
    records[#records + 1] = 't:' .. ticket.id
    records[#records + 1] = encode_ticket(ticket, outcome[1], outcome[2], now_ms)
    entry_ids[#entry_ids + 1] = ticket.entry_id
    finished[#finished + 1] = now_text .. ' ' .. ticket.id
    waiting_fields[#waiting_fields + 1] = 'u:' .. ticket.user
  end
end
if #entry_ids > 0 then
  redis.call('HSET', KEYS[10], unpack(records))
  redis.call('HDEL', KEYS[10], unpack(waiting_fields))
  redis.call('RPUSH', KEYS[11], unpack(finished))
  redis.call('XDEL', KEYS[9], unpack(entry_ids))
end

local forgotten, fields = 0, {}
for _, entry in ipairs(redis.call('LRANGE', KEYS[11], 0, most_forgotten - 1)) do
  local ms, id = string.match(entry, '^(%d+) (%w+)$')
  if tonumber(ms) + keep_ms > now_ms then
    break
  end
  forgotten = forgotten + 1
  fields[#fields + 1] = 't:' .. id
  local record = redis.call('HGET', KEYS[10], 't:' .. id)
  if record then
    local user = string.match(record, '^1 %u %d+ (%d+) ')
    local claim_id = string.match(record, '^1 W %d+ %d+ %d+ (%w+):')
    if claim_id and redis.call('HGET', KEYS[10], 'r:' .. claim_id) == id then
      fields[#fields + 1] = 'r:' .. claim_id
    end
    local _, key = decode_ticket(record)
    if key ~= '' then
      fields[#fields + 1] = key_field(user, key)
    end
  end
end
if forgotten > 0 then
  redis.call('HDEL', KEYS[10], unpack(fields))
  redis.call('LTRIM', KEYS[11], forgotten, -1)
end
return { state, redis.call('XLEN', KEYS[9]), redis.call('HLEN', KEYS[10]), forgotten, counts.W, counts.L, counts.E }
