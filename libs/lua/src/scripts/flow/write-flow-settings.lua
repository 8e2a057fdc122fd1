--[[
purpose: replace the flow-control settings if nobody else has since they were read.
keys:
  KEYS[1] coupon:flow:settings hash: version, body, updated_ms, updated_by, change
args:
  ARGV[1] version the new settings were made from (0 = none stored yet)  ARGV[2] settings (JSON)  ARGV[3] who changes them
  ARGV[4] id of the change ('' = none): the change that was stored last is not stored again, so it may be repeated
returns: {1, new version} stored, now or before | {-5, version} somebody else has changed them | {-4} invalid arguments
ttl: none
]]
if not string.find(ARGV[1] or '', '^%d+$') or (ARGV[2] or '') == '' or not ARGV[3] or not ARGV[4] then
  return { -4 }
end
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
if ARGV[4] ~= '' and redis.call('HGET', KEYS[1], 'change') == ARGV[4] then
  return { 1, version }
end
if version ~= tonumber(ARGV[1]) then
  return { -5, version }
end
local time = redis.call('TIME')
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('HSET', KEYS[1], 'version', string.format('%.0f', version + 1), 'body', ARGV[2], 'updated_ms', string.format('%.0f', now_ms),
  'updated_by', ARGV[3], 'change', ARGV[4])
return { 1, version + 1 }
