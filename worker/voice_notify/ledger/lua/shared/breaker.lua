-- The account's breaker: its pause, the probe that ends it, and the run of refusals that makes the account suspect.
--- @include "pauses"
--- @include "wakeups"

local RUN, RUN_CODE = P .. 'run', P .. 'run_code'

local function pause(now, reason, message, cooldown, until_ms)
  redis.call('HSETNX', ACCOUNT, 'since', now)
  redis.call('HSET', ACCOUNT, 'reason', reason, 'message', message, 'cooldown', cooldown)
  if until_ms > 0 then
    redis.call('HSET', ACCOUNT, 'until', until_ms)
  end
end

-- Ends the breaker's pause.
local function resume()
  redis.call('DEL', ACCOUNT, RUN, RUN_CODE)
  wake_all()
end

-- The account's pause as this script last read it; nil: to be read.
local paused

-- Whether refusals of one number after the other point to the account.
local run_is_over = false
local function is_suspect(item, mobile)
  if item.verdict == 'success' then
    if not run_is_over then
      redis.call('DEL', RUN, RUN_CODE)
    end
    run_is_over = true
  elseif item.verdict == 'suspect' then
    if redis.call('GET', RUN_CODE) ~= item.code then
      redis.call('DEL', RUN)
      redis.call('SET', RUN_CODE, item.code)
    end
    run_is_over = false
    if redis.call('SCARD', RUN) < rules.suspect_run then -- no more of them say anything new
      redis.call('SADD', RUN, mobile)
      redis.call('PEXPIRE', RUN, rules.retention_ms)
    end
    return redis.call('SCARD', RUN) >= rules.suspect_run
  end
  return false
end

-- While the account is paused only the probe is heard: calls begun before the pause say nothing new.
local function tell_breaker(item, mobile, now)
  local suspected = is_suspect(item, mobile)
  local fails = item.verdict == 'failed' or suspected
  paused = paused or redis.call('HMGET', ACCOUNT, 'since', 'probe', 'cooldown')
  local is_probe = paused[2] == item.token
  if not is_probe and (paused[1] or not fails) then
    return
  end
  local reason, message = item.code, item.message
  if suspected then
    reason, message = item.pause_until > 0 and 'quota' or 'suspect', item.code .. ' ' .. item.message
  end
  if not is_probe then
    pause(now, reason, message, rules.cooldown_ms, math.max(item.pause_until, now + rules.cooldown_ms))
  elseif item.verdict == 'success' then
    resume()
  else
    redis.call('HDEL', ACCOUNT, 'probe')
    -- A pause without a cool-down is one that an older version made for a spent budget.
    local last = tonumber(paused[3] or 0)
    last = last > 0 and last or rules.cooldown_ms
    if fails then
      local doubled = math.min(rules.cooldown_max_ms, last * 2)
      pause(now, reason, message, doubled, math.max(item.pause_until, now + doubled))
    else
      redis.call('HSET', ACCOUNT, 'until', now + last)
    end
  end
  paused = nil -- what was read is old
end
