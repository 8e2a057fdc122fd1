--[[
purpose: what one user holds of an activity, and what of it is already in MySQL.
keys:
  KEYS[1] coupon:activity:{id} hash
  KEYS[2] coupon:user:{id} hash
  KEYS[3] coupon:persisted:{id} bitmap of event sequence numbers
args:
  ARGV[1] user id
returns: {-1} not loaded | {0, state (R|C|X), claim id, units, persisted (0|1), ... four values per claim, oldest first}
ttl: none
]]
if redis.call('EXISTS', KEYS[1]) == 0 then
  return { -1 }
end

--@include receipts

local reply = { 0 }
for _, r in ipairs(decode_receipts(redis.call('HGET', KEYS[2], ARGV[1]))) do
  if #r.slots > 0 then
    reply[#reply + 1] = r.state
    reply[#reply + 1] = r.claim_id
    reply[#reply + 1] = #r.slots
    reply[#reply + 1] = redis.call('GETBIT', KEYS[3], r.seq)
  end
end
return reply
