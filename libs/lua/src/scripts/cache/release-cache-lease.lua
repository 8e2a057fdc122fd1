--[[
purpose: give the lease on the loading of a value back, unless it has ended and is somebody else's by now.
keys:
  KEYS[1] coupon:lease:{value key} string: token of the process that loads the value
args:
  ARGV[1] token it was taken with
returns: 1 given back | 0 this token does not hold it (any more) | -4 invalid arguments
ttl: none
]]
if (ARGV[1] or '') == '' then
  return -4
end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
return redis.call('DEL', KEYS[1])
