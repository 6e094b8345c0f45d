-- Whether the account lets calls through: what the breaker decided (`breaker.lua`).

local ACCOUNT = P .. 'account'

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
