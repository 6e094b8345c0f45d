-- Whether the account lets calls through.
--- @include "pauses"

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
