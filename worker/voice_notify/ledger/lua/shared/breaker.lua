-- The account's breaker: the run of failures alike that trips it, its pause, and the probe that ends it.
--- @include "pauses"
--- @include "ramp"
--- @include "wakeups"

local RUN, RUN_CODE = P .. 'run', P .. 'run_code'
-- What many numbers in a row meet alike is the provider's illness: it costs time, and none of their attempts.
local OUTAGE = {['unreachable'] = true, ['maintenance'] = true}

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

-- How long until the first probe, or, after one that failed as the `last` did, until the next.
local function cooldown_of(reason, last_reason, last)
  local first, most = rules.cooldown_ms, rules.cooldown_max_ms
  if OUTAGE[reason] then
    first, most = rules.outage_probe_ms, rules.outage_probe_max_ms
  end
  -- A pause without a cool-down is one that an older version made for a spent budget.
  if not last or last == 0 or OUTAGE[reason] ~= OUTAGE[last_reason] then
    return first
  end
  return math.min(most, last * 2)
end

-- The account's pause as this script last read it; nil: to be read.
local paused

-- Whether failures alike, of one number after the other with no success between, point to the account or the provider.
local run_is_over = false
local function completes_run(item, mobile)
  local alike, most = item.code, rules.suspect_run
  if item.verdict == 'success' then
    if not run_is_over then
      redis.call('DEL', RUN, RUN_CODE)
    end
    run_is_over = true
    return false
  elseif OUTAGE[item.verdict] then
    alike, most = item.verdict, rules.outage_run
  elseif item.verdict ~= 'suspect' then
    return false
  end
  if redis.call('GET', RUN_CODE) ~= alike then
    redis.call('DEL', RUN)
    redis.call('SET', RUN_CODE, alike)
  end
  run_is_over = false
  if redis.call('SCARD', RUN) < most then -- no more of them say anything new
    redis.call('SADD', RUN, mobile)
    redis.call('PEXPIRE', RUN, rules.retention_ms)
  end
  return redis.call('SCARD', RUN) >= most
end

-- Why an attempt pauses the account, and the message for people.
local function why_paused(item)
  if OUTAGE[item.verdict] then
    return item.verdict, item.code .. ' ' .. item.message
  elseif item.verdict == 'suspect' then
    return item.pause_until > 0 and 'quota' or 'suspect', item.code .. ' ' .. item.message
  end
  return item.code, item.message
end

-- Returns whether the attempt met an outage, and of a probe that did the time (ms) of the next one. While the account is paused only the
-- probe is heard: calls begun before the pause say nothing new.
local function tell_breaker(item, mobile, now)
  local is_complete = completes_run(item, mobile)
  local fails = item.verdict == 'failed' or is_complete
  paused = paused or redis.call('HMGET', ACCOUNT, 'since', 'probe', 'cooldown', 'reason')
  local is_probe, last, last_reason = paused[2] == item.token, tonumber(paused[3] or nil), paused[4]
  local goes_on = OUTAGE[item.verdict] and OUTAGE[last_reason]
  if not is_probe and (paused[1] or not fails) then
    return goes_on
  end
  local reason, message = why_paused(item)
  if not is_probe then
    local cooldown = cooldown_of(reason)
    pause(now, reason, message, cooldown, math.max(item.pause_until, now + cooldown))
  elseif item.verdict == 'success' or OUTAGE[last_reason] and item.verdict == 'suspect' and not is_complete then
    resume()
    if OUTAGE[last_reason] then
      begin_ramp(now)
    end
  else
    redis.call('HDEL', ACCOUNT, 'probe')
    if fails or goes_on then
      local cooldown = cooldown_of(reason, last_reason, last)
      pause(now, reason, message, cooldown, math.max(item.pause_until, now + cooldown))
    else
      redis.call('HSET', ACCOUNT, 'until', now + (last and last > 0 and last or rules.cooldown_ms))
    end
  end
  paused = nil -- what was read is old
  return goes_on or is_complete and OUTAGE[item.verdict], is_probe and tonumber(redis.call('HGET', ACCOUNT, 'until') or nil)
end
