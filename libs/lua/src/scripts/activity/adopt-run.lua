--[[
purpose: accept a new run of Redis for an activity that was verified after a restart (DESIGN invariant 9). Only from the run that was verified.
keys:
  KEYS[1] coupon:activity:{id} hash
args:
  ARGV[1] epoch the caller knows  ARGV[2] run id that was verified against  ARGV[3] run id of this server
returns: {1} adopted | {2} already so | {-1} not loaded | {-7, epoch} wrong epoch | {-6, run id} opened on yet another run
ttl: none
]]
local a = redis.call('HMGET', KEYS[1], 'epoch', 'run_id')
if not a[1] then
  return { -1 }
end
if a[1] ~= ARGV[1] then
  return { -7, a[1] }
end
if a[2] == ARGV[3] then
  return { 2 }
end
if a[2] ~= ARGV[2] then
  return { -6, a[2] }
end
redis.call('HSET', KEYS[1], 'run_id', ARGV[3])
return { 1 }
