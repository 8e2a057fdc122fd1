--[[
purpose: what has become of tickets, and the head of the queue, read together: a ticket's position is its number less the head's, plus one. The head
         only moves forward, so a position never grows.
keys:
  KEYS[1] coupon:queue:{id} stream
  KEYS[2] coupon:tickets:{id} hash
args:
  ARGV[1..] tickets
returns: {number at the head of the queue or 0, record or nil per ticket...}
ttl: none
]]
local head = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
local reply = { head[1] and tonumber(string.match(head[1][1], '^%d+')) or 0 }
for i = 1, #ARGV do
  reply[i + 1] = redis.call('HGET', KEYS[2], 't:' .. ARGV[i])
end
return reply
