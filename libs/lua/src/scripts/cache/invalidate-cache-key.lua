--[[
purpose: remove a value and leave a mark with a new generation, so that whoever read its origin before cannot store what he read.
keys:
  KEYS[1] coupon:{name}:{key} string: a value or a mark
  KEYS[2] coupon:lease:{value key} string: token of the process that loads the value; the next one need not wait for it
args:
  ARGV[1] run id of this Redis  ARGV[2] generation of the mark, never used before
  ARGV[3] version of the change (one word without commas)  ARGV[4] ms that the mark lasts
returns: 1 invalidated | 0 what is there came after this very change: it stays | -4 invalid arguments
ttl: ARGV[4]
]]
local mark_ms = tonumber(ARGV[4])
if (ARGV[1] or '') == '' or (ARGV[2] or '') == '' or not string.find(ARGV[3] or '', '^[^%s,]+$') or not mark_ms or mark_ms < 1 then
  return -4
end
local entry = redis.call('GET', KEYS[1])
local versions = ARGV[3]
if entry then
  local _, run, _, known = string.match(entry, '^([vm])1 (%S+) (%S+) (%S+)')
  if known and known ~= '-' and run == ARGV[1] then
    local count = 1
    for version in string.gmatch(known, '[^,]+') do
      if version == ARGV[3] then
        return 0
      end
      -- Four are enough to know a change again that comes to several consumers, or once more.
      if count < 4 then
        versions = versions .. ',' .. version
        count = count + 1
      end
    end
  end
end
redis.call('SET', KEYS[1], 'm1 ' .. ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. versions, 'PX', mark_ms)
redis.call('DEL', KEYS[2])
return 1
