-- Reading banded scores, and walking through the bands of a sorted set.
--- @include "bands"

-- The priority and the time that a score says.
local function parse_banded(score)
  local band = math.floor(score / BAND)
  return 9 - band, score - band * BAND
end

local function exactly(score)
  return string.format('%.0f', score)
end

-- Shows the earliest of each priority, the highest first, until `look` returns true: priority, time, member.
local function each_band(key, look)
  local from = 0
  while true do
    local found = redis.call('ZRANGEBYSCORE', key, exactly(from), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    if not found[1] then
      return
    end
    local priority, at = parse_banded(tonumber(found[2]))
    if look(priority, at, found[1]) then
      return
    end
    from = banded(priority - 1, 0)
  end
end

-- Members of one priority that are due, the longest due first; `...` is 'WITHSCORES' or nothing.
local function due_in_band(key, priority, now, most, ...)
  local from, to = exactly(banded(priority, 0)), exactly(banded(priority, now))
  if ... then
    return redis.call('ZRANGEBYSCORE', key, from, to, ..., 'LIMIT', 0, most)
  end
  return redis.call('ZRANGEBYSCORE', key, from, to, 'LIMIT', 0, most)
end
