--[[
purpose: acknowledge confirmed outbox entries and delete them, in one step: an entry is in the stream exactly as long as nobody has
         confirmed it (DESIGN invariant 1).
keys:
  KEYS[1] coupon:outbox:{id} stream
args:
  ARGV[1..] stream ids (at most 2000)
returns: number of entries deleted
ttl: none
]]
redis.call('XACK', KEYS[1], 'relay', unpack(ARGV))
return redis.call('XDEL', KEYS[1], unpack(ARGV))
