-- Where a notification stands in its line.
--- @include "line"
--- @include "walk"

-- When a notification becomes ready: 0 where it is.
local function ready_at_of(score)
  if score <= 0 then
    return 0
  end
  local _, at = parse_banded(score)
  return at
end

-- How many in line are called before a notification that stands, or will stand, at `place`, and how many behind it.
local function others_in_line(mobile, place)
  local at = string.format('(%.0f', place)
  return redis.call('ZCOUNT', LINE .. mobile, '(-inf', at), redis.call('ZCOUNT', LINE .. mobile, at, '(0')
end
