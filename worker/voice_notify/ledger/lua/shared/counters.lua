-- The counters: how many notifications are in each state, and all-time totals, which each day begins with a copy of.
--- @include "calendar"

local COUNTS, TOTALS = P .. 'counts', P .. 'totals'

-- Counted while a script runs, and written once, in its end.
local counts, totals = {}, {}
-- What was counted since the last `keep_counts`, so that it can be dropped: counters, field, by, one after the other.
local journal, last = {0, 0, 0, 0, 0, 0}, 0

-- `by` is a whole number, or HINCRBY fails after all else was written.
local function count(counters, field, by)
  counters[field] = (counters[field] or 0) + by
  journal[last + 1], journal[last + 2], journal[last + 3] = counters, field, by
  last = last + 3
end

local function keep_counts()
  last = 0
end

local function drop_counts()
  for i = 1, last, 3 do
    local counters, field = journal[i], journal[i + 1]
    counters[field] = counters[field] - journal[i + 2]
  end
  last = 0
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
  if next(totals) then
    open_day(now)
  end
  write(TOTALS, totals)
  write(COUNTS, counts)
end
