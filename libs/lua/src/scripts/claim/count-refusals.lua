--[[
purpose: add refusals that a gateway gave without asking to the counters of a loaded activity. One that is not loaded gets none: nobody would
         ever remove them.
keys:
  KEYS[1] coupon:activity:{id} hash
  KEYS[2] coupon:stats:{id} hash
args:
  ARGV[1..] pairs: error code, number of claims (1..2^31-1)
returns: 1 counted | 0 not loaded | -4 invalid arguments
ttl: none; archive-activity removes it
]]
if #ARGV == 0 or #ARGV % 2 == 1 then
  return -4
end
for i = 1, #ARGV, 2 do
  if
    not string.find(ARGV[i], '^[A-Z_]+$')
    or not string.find(ARGV[i + 1], '^[1-9]%d*$')
    or tonumber(ARGV[i + 1]) > 2147483647
  then
    return -4
  end
end
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
for i = 1, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[2], 'refused:' .. ARGV[i], ARGV[i + 1])
end
return 1
