-- The day's budget: billing units that the calls of one of the provider's days may cost.
--- @include "calendar"
--- @include "gate"
--- @include "wakeups"

local SPENT = P .. 'spent:'

local function spent_on(ms)
  return tonumber(redis.call('GET', SPENT .. day_of(ms)) or 0)
end

local function spend(now, units)
  redis.call('INCRBY', SPENT .. day_of(now), units)
  redis.call('PEXPIRE', SPENT .. day_of(now), 2 * DAY_MS)
end

-- When the day after begins.
local function next_day(ms)
  return (day_of(ms) + 1) * DAY_MS - CHINA_MS
end

-- Holds the account until the next day.
local function pause_for_budget(now)
  local until_ms = next_day(now)
  redis.call('HSET', BUDGET_PAUSE, 'reason', 'budget', 'message', rules.daily_budget .. ' units a day are spent',
    'since', now, 'until', until_ms)
  redis.call('PEXPIRE', BUDGET_PAUSE, until_ms - now)
end

-- A refusal gives its units back. The pause for a spent budget ends with that: it had counted them as spent.
local function give_units_back(called_at, units)
  redis.call('DECRBY', SPENT .. day_of(called_at), units)
  if redis.call('DEL', BUDGET_PAUSE) == 1 then
    wake_all()
  end
end
