-- The counters: how many notifications are in each state, and all-time totals, which each day begins with a copy of.
--- @include "calendar"

local COUNTS, TOTALS = P .. 'counts', P .. 'totals'

-- Counted while a script runs, and written once, in its end: what is counted since the last `keep_counts` can be dropped.
local counts, totals = {}, {}
local kept_counts, kept_totals = {}, {}

-- `by` is a whole number, or HINCRBY fails after all else was written.
local function count(counters, field, by)
  counters[field] = (counters[field] or 0) + by
end

local function move_to(kept, counters)
  for field, by in pairs(counters) do
    kept[field] = (kept[field] or 0) + by
    counters[field] = nil
  end
end

local function keep_counts()
  move_to(kept_counts, counts)
  move_to(kept_totals, totals)
end

local function drop_counts()
  move_to({}, counts)
  move_to({}, totals)
end

-- The first to count on a day keeps the totals as they stood before.
local function open_day(now)
  local day = P .. 'day:' .. day_of(now)
  if redis.call('EXISTS', day) == 0 then
    redis.call('HSET', day, 'opened', now)
    local so_far = redis.call('HGETALL', TOTALS)
    for i = 1, #so_far, 2 do
      redis.call('HSET', day, so_far[i], so_far[i + 1])
    end
    redis.call('PEXPIRE', day, 35 * DAY_MS)
  end
end

local function write(hash, counters)
  for field, by in pairs(counters) do
    if by ~= 0 then
      redis.call('HINCRBY', hash, field, by)
    end
  end
end

local function write_counts(now)
  keep_counts()
  if next(kept_totals) then
    open_day(now)
  end
  write(TOTALS, kept_totals)
  write(COUNTS, kept_counts)
end
