--[[
purpose: move an activity's admission state (closed, open, paused, ended) and, with it, its window. Ended is final.
keys:
  KEYS[1] coupon:activity:{id} hash
args:
  ARGV[1] epoch the caller knows  ARGV[2] new state  ARGV[3] new start ms or ''  ARGV[4] new end ms or ''
  ARGV[5] the state it must be in now, or '' for any that allows the move
returns: {1, old state} changed | {2, old state} unchanged | {-1} not loaded | {-6, state} this state does not allow it | {-7, epoch} wrong epoch
  | {-4} invalid arguments
ttl: none
]]
local ALLOWED = {
  closed = { open = true, paused = true, ended = true, closed = true },
  open = { open = true, paused = true, ended = true, closed = true },
  paused = { open = true, paused = true, ended = true, closed = true },
  ended = { ended = true },
}
if not ALLOWED[ARGV[2] or ''] then
  return { -4 }
end
for i = 3, 4 do
  if ARGV[i] ~= '' and not string.find(ARGV[i] or 'x', '^%d+$') then
    return { -4 }
  end
end
local a = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'start_ms', 'end_ms')
if not a[1] then
  return { -1 }
end
if a[2] ~= ARGV[1] then
  return { -7, a[2] }
end
if not ALLOWED[a[1]][ARGV[2]] or ((ARGV[5] or '') ~= '' and a[1] ~= ARGV[5]) then
  return { -6, a[1] }
end
local start_ms = ARGV[3] ~= '' and ARGV[3] or a[3]
local end_ms = ARGV[4] ~= '' and ARGV[4] or a[4]
if a[1] == ARGV[2] and start_ms == a[3] and end_ms == a[4] then
  return { 2, a[1] }
end
redis.call('HSET', KEYS[1], 'state', ARGV[2], 'start_ms', start_ms, 'end_ms', end_ms)
return { 1, a[1] }
