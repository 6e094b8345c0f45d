-- Whether the account lets calls through. Two pauses may hold it, and neither hides nor lifts the other: the breaker's
-- (`breaker.lua`) and that of a spent budget (`budget.lua`).

local ACCOUNT, BUDGET_PAUSE = P .. 'account', P .. 'budget_pause'

-- 'open'; 'probe', one call may find out; 'closed', with the time of the next look.
local function account_gate(now)
  local pause = redis.call('HMGET', ACCOUNT, 'since', 'until')
  local breaker_until = tonumber(pause[2] or nil)
  if pause[1] and not (breaker_until and breaker_until <= now) then
    return 'closed', breaker_until
  end
  local budget_until = tonumber(redis.call('HGET', BUDGET_PAUSE, 'until') or nil)
  if budget_until and budget_until > now then
    return 'closed', budget_until
  end
  return pause[1] and 'probe' or 'open'
end

local function is_paused()
  return redis.call('EXISTS', ACCOUNT, BUDGET_PAUSE) > 0
end

-- Fields and values of the pause that holds the account: the breaker's before the budget's.
local function pause_fields()
  local pause = redis.call('HGETALL', ACCOUNT)
  return #pause > 0 and pause or redis.call('HGETALL', BUDGET_PAUSE)
end
