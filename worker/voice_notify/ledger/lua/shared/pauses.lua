-- Two pauses may hold the account, and neither hides nor lifts the other: the breaker's (`breaker.lua`) and that of a spent budget
-- (`budget.lua`).

local ACCOUNT, BUDGET_PAUSE = P .. 'account', P .. 'budget_pause'

local function is_paused()
  return redis.call('EXISTS', ACCOUNT, BUDGET_PAUSE) > 0
end
