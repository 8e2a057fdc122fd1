--[[
purpose: store a value that was read under a generation, unless the key was invalidated since; give the lease back in any case.
keys:
  KEYS[1] coupon:{name}:{key} string: a value or a mark
  KEYS[2] coupon:lease:{value key} string: token of the process that loads the value
args:
  ARGV[1] run id that the generation is from  ARGV[2] generation  ARGV[3] what is stored after the header  ARGV[4] ms that it lasts
  ARGV[5] token of the lease ('' = none)
returns: 1 stored | 0 refused: the mark of this generation is not there (any more) | -4 invalid arguments
ttl: ARGV[4]
]]
local ttl_ms = tonumber(ARGV[4])
if (ARGV[1] or '') == '' or (ARGV[2] or '') == '' or not ARGV[3] or not ARGV[5] or not ttl_ms or ttl_ms < 1 then
  return -4
end
local stored = 0
local entry = redis.call('GET', KEYS[1])
if entry then
  local kind, run, generation, versions = string.match(entry, '^([vm])1 (%S+) (%S+) (%S+)')
  if kind == 'm' and run == ARGV[1] and generation == ARGV[2] then
    redis.call('SET', KEYS[1], 'v1 ' .. run .. ' ' .. generation .. ' ' .. versions .. ' ' .. ARGV[3], 'PX', ttl_ms)
    stored = 1
  end
end
if ARGV[5] ~= '' and redis.call('GET', KEYS[2]) == ARGV[5] then
  redis.call('DEL', KEYS[2])
end
return stored
