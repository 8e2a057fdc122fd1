-- Record of a ticket: `1 <status> <number> <user> <quantity> <detail> <ms> =<key>`. Version 1; the key may be empty, nothing else is.
-- status Q queued: detail = claim id, ms = when it expires
--        W won:     detail = <claim id>:<units> | L lost: detail = reply code | E expired: detail = 0; ms = when it ended
local function encode_ticket(ticket, status, detail, ms)
  return '1 ' .. status .. ' ' .. ticket.number .. ' ' .. ticket.user .. ' ' .. ticket.quantity .. ' ' .. detail .. ' '
    .. string.format('%.0f', ms) .. ' =' .. ticket.key
end

-- Asked quantity and key of a record.
local function decode_ticket(record)
  local quantity, key = string.match(record, '^1 %u %d+ %d+ (%d+) [^ ]+ %d+ =(.*)$')
  if not quantity then
    error('broken ticket record')
  end
  return quantity, key
end

local function key_field(user, key)
  return 'k:' .. user .. ':' .. key
end

-- The receipt a purchase with this key would be answered with (DESIGN invariant 3), or nil and the code it would be refused with, if any.
local function replay_of(receipts, limit, ticket)
  local key = ticket.key == '' and ticket.claim_id or ticket.key
  local first
  for _, r in ipairs(receipts) do
    if r.key == key or r.claim_id == ticket.claim_id then
      if r.state == 'X' then
        return nil, -24
      end
      if #r.slots ~= tonumber(ticket.quantity) then
        return nil, -23
      end
      return r
    end
    if r.state ~= 'X' then
      first = first or r
    end
  end
  if limit == 1 then
    return first
  end
end
