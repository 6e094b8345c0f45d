-- How long something took, in the totals.
--- @include "counters"

-- Counts one in the first bucket of `bounds` (ms) that holds it, and adds it to the sum.
local function observe(name, ms, bounds)
  local bucket = 'inf'
  for _, bound in ipairs(bounds) do
    if ms <= bound then
      bucket = bound
      break
    end
  end
  count(totals, name .. ':' .. bucket, 1)
  count(totals, name .. '_ms', math.floor(ms))
end
