-- When the turn of a number that is due comes.
--- @include "walk"

-- How many due numbers are called before this one; nil: it is not due itself.
local function due_before(mobile, now)
  local agenda = P .. 'agenda'
  local score = tonumber(redis.call('ZSCORE', agenda, mobile) or nil)
  local priority, at = parse_banded(score or 0)
  if not score or at > now then
    return nil
  end
  -- Of equals, which are called in the order of the agenda too, a count by score knows no order.
  local before = redis.call('ZRANK', agenda, mobile) - redis.call('ZCOUNT', agenda, '-inf', '(' .. exactly(banded(priority, 0)))
  for higher = 9, priority + 1, -1 do
    before = before + redis.call('ZCOUNT', agenda, exactly(banded(higher, 0)), exactly(banded(higher, now)))
  end
  return before
end
