--[[
purpose: load an activity, create-only and closed (DESIGN invariant 9): an identical one is left alone, a different one is a conflict, so a
         second prewarm can never reset the stock of a running sale. The relay group is created from id 0 before the first claim.
keys:
  KEYS[1] coupon:activity:{id} hash
  KEYS[2] coupon:stock:{id} string
  KEYS[3] coupon:outbox:{id} stream
args:
  ARGV[1] run id  ARGV[2] activity id  ARGV[3] coupon (template) id  ARGV[4] start ms  ARGV[5] end ms  ARGV[6] per user limit
  ARGV[7] total  ARGV[8] epoch  ARGV[9] user rate per second (0 = none)
  ARGV[10] guard: 1 = claims need a purchase token, 0 = none
returns: {1} loaded | {2} identical, already there | {-5, field...} conflict in those fields | {-2} half loaded | {-4} invalid arguments
ttl: none; archive-activity removes the keys once the activity is over and stored
]]
for i = 2, 10 do
  if not string.find(ARGV[i] or '', '^%d+$') then
    return { -4 }
  end
end
if ARGV[1] == '' or tonumber(ARGV[5]) <= tonumber(ARGV[4]) or tonumber(ARGV[6]) < 1 or tonumber(ARGV[7]) < 1
  or tonumber(ARGV[10]) > 1 then
  return { -4 }
end
if redis.call('EXISTS', KEYS[1]) == 1 then
  local names = { 'coupon_id', 'start_ms', 'end_ms', 'per_user_limit', 'total', 'epoch' }
  local wanted = { ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8] }
  local have = redis.call('HMGET', KEYS[1], unpack(names))
  names[7], wanted[7] = 'guard', ARGV[10]
  have[7] = redis.call('HGET', KEYS[1], 'guard') or '0'
  local differing = { -5 }
  for i, name in ipairs(names) do
    if have[i] ~= wanted[i] then
      differing[#differing + 1] = name
    end
  end
  if #differing > 1 then
    return differing
  end
  if redis.call('EXISTS', KEYS[2]) == 0 or redis.call('EXISTS', KEYS[3]) == 0 then
    return { -2 }
  end
  return { 2 }
end
if redis.call('EXISTS', KEYS[2], KEYS[3]) > 0 then
  return { -2 }
end
redis.call('XGROUP', 'CREATE', KEYS[3], 'relay', '0', 'MKSTREAM')
redis.call('SET', KEYS[2], ARGV[7])
redis.call('HSET', KEYS[1], 'kind', 'coupon', 'activity_id', ARGV[2], 'coupon_id', ARGV[3], 'start_ms', ARGV[4], 'end_ms', ARGV[5],
  'per_user_limit', ARGV[6], 'total', ARGV[7], 'claimed', '0', 'epoch', ARGV[8], 'run_id', ARGV[1], 'stock_version', '1',
  'event_seq', '0', 'last_event_ms', '0', 'state', 'closed', 'user_rate', ARGV[9], 'guard', ARGV[10])
return { 1 }
