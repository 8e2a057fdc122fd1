--[[
purpose: before a value is read from its origin: learn under which generation it may be stored, and whether to read it at all.
keys:
  KEYS[1] coupon:{name}:{key} string: a value or a mark, "<v1 or m1> <run id> <generation> <versions>" and more
  KEYS[2] coupon:lease:{value key} string: token of the one process that loads the value
args:
  ARGV[1] run id of this Redis  ARGV[2] generation for a new mark, never used before  ARGV[3] ms that the mark lasts
  ARGV[4] token of the lease ('' = none wanted)  ARGV[5] ms that the lease lasts
  ARGV[6] generation of a value that the caller cannot use ('' = none)
returns: {1, entry} a value that is there | {2, generation} load it | {3, generation, ms} somebody else loads it, at most so long | {-4} invalid arguments
  A value of another run of Redis counts as absent: a restart or a failover may have brought it back.
ttl: ARGV[3] for the mark, ARGV[5] for the lease
]]
if (ARGV[1] or '') == '' or (ARGV[2] or '') == '' or not ARGV[4] or not ARGV[6] then
  return { -4 }
end
local mark_ms, lease_ms = tonumber(ARGV[3]), tonumber(ARGV[5])
if not mark_ms or not lease_ms or mark_ms < 1 or lease_ms < 1 then
  return { -4 }
end
local entry = redis.call('GET', KEYS[1])
local kind, run, generation, versions
if entry then
  kind, run, generation, versions = string.match(entry, '^([vm])1 (%S+) (%S+) (%S+)')
end
if kind == 'v' and run == ARGV[1] and generation ~= ARGV[6] then
  return { 1, entry }
end
if kind == 'm' and run == ARGV[1] then
  if redis.call('PTTL', KEYS[1]) < mark_ms then
    redis.call('PEXPIRE', KEYS[1], mark_ms)
  end
else
  generation = ARGV[2]
  redis.call('SET', KEYS[1], 'm1 ' .. ARGV[1] .. ' ' .. generation .. ' ' .. (versions or '-'), 'PX', mark_ms)
end
if ARGV[4] == '' or redis.call('SET', KEYS[2], ARGV[4], 'NX', 'PX', lease_ms) then
  return { 2, generation }
end
if redis.call('GET', KEYS[2]) == ARGV[4] then
  return { 2, generation }
end
return { 3, generation, math.max(redis.call('PTTL', KEYS[2]), 0) }
