-- Receipts of one user: version byte '1', then per claim `<state><claim id>:<event seq>:<slot,slot,...>:<key length>:<key>`.
-- state: R reserved, C confirmed, X released. Key length 0 means the claim id is the key. A tombstone is X with event seq 0 and no slots.
local function decode_receipts(value)
  local receipts = {}
  if not value then
    return receipts
  end
  if string.sub(value, 1, 1) ~= '1' then
    error('unknown receipt version')
  end
  local at = 2
  while at <= #value do
    local from, to, state, claim_id, seq, slots, key_length = string.find(value, '^([RCX])(%w+):(%d+):([%d,]*):(%d+):', at)
    if not from then
      error('broken receipt')
    end
    local length = tonumber(key_length)
    local r = { state = state, claim_id = claim_id, seq = tonumber(seq), slots = {}, key = claim_id }
    if length > 0 then
      r.key = string.sub(value, to + 1, to + length)
    end
    for slot in string.gmatch(slots, '%d+') do
      r.slots[#r.slots + 1] = tonumber(slot)
    end
    receipts[#receipts + 1] = r
    at = to + length + 1
  end
  return receipts
end

local function encode_receipts(receipts)
  local parts = { '1' }
  for _, r in ipairs(receipts) do
    local key = r.key == r.claim_id and '' or r.key
    parts[#parts + 1] = r.state .. r.claim_id .. ':' .. string.format('%.0f', r.seq) .. ':' .. table.concat(r.slots, ',')
      .. ':' .. #key .. ':' .. key
  end
  return table.concat(parts)
end
