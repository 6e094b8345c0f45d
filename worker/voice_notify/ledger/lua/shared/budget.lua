-- The day's budget: billing units that the calls of one of the provider's days may cost.
--- @include "calendar"
--- @include "breaker"

local SPENT = P .. 'spent:'

local function spent_on(ms)
  return tonumber(redis.call('GET', SPENT .. day_of(ms)) or 0)
end

local function spend(now, units)
  redis.call('INCRBY', SPENT .. day_of(now), units)
  redis.call('PEXPIRE', SPENT .. day_of(now), 2 * DAY_MS)
end

-- Pauses the account until the next day.
local function pause_for_budget(now)
  pause(now, 'budget', rules.daily_budget .. ' units a day are spent', 0, next_day(now))
end

-- A refusal gives its units back. The pause for a spent budget ends with that: it had counted them as spent. Returns whether
-- it did.
local function give_units_back(called_at, units)
  redis.call('DECRBY', SPENT .. day_of(called_at), units)
  local paused = redis.call('HMGET', ACCOUNT, 'reason', 'probe')
  if paused[1] == 'budget' and not paused[2] then
    redis.call('DEL', ACCOUNT)
    return true
  end
  return false
end
