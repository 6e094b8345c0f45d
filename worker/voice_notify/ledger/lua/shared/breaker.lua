-- The account's breaker: its pause, the probe that ends it, and the run of refusals that makes the account suspect.

local ACCOUNT, RUN, RUN_CODE = P .. 'account', P .. 'run', P .. 'run_code'

-- Whether the account lets calls through: 'open'; 'probe', one call may find out; 'closed', with the time of the next look.
local function account_gate(now)
  local pause = redis.call('HMGET', ACCOUNT, 'since', 'until')
  if not pause[1] then
    return 'open'
  elseif not pause[2] then
    return 'closed'
  elseif tonumber(pause[2]) > now then
    return 'closed', tonumber(pause[2])
  end
  return 'probe'
end

local function is_paused()
  return redis.call('EXISTS', ACCOUNT) == 1
end

local function pause(now, reason, message, cooldown, until_ms)
  redis.call('HSETNX', ACCOUNT, 'since', now)
  redis.call('HSET', ACCOUNT, 'reason', reason, 'message', message, 'cooldown', cooldown)
  if until_ms > 0 then
    redis.call('HSET', ACCOUNT, 'until', until_ms)
  end
end

local function resume()
  redis.call('DEL', ACCOUNT, RUN, RUN_CODE)
end
